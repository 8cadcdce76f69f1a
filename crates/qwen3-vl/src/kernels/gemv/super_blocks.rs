//! Q4_K, Q5_K, Q6_K: super-blocks of 256 weights whose groups of 32 or 16 have small scales (ggml-common.h, `block_q4_K` …),
//! opened to registers: four of 64 unsigned quants, in the order in which they lie, and half as many of 16-bit scales.

use std::arch::x86_64::*;

/// Values of a super-block.
pub(super) const VALUES: usize = 256;
/// Registers they open to.
pub(super) const PARTS: usize = 4;

/// A super-block in registers.
pub(super) struct Opened {
    pub(super) quants: [__m512i; PARTS],
    /// Of 16 bits, one for every four quants of two registers, their quarters in turn: as they are packed to 16 bits.
    pub(super) scales: [__m512i; PARTS / 2],
    /// How much smaller every weight of a group of 16 is than its scaled quant.
    pub(super) offsets: __m512,
    /// What scales count.
    pub(super) scale: __m512,
}

/// A format of super-blocks.
pub(super) trait Format {
    /// The bytes of a super-block.
    type Bytes;

    /// Which groups of 32 values open to one register after another.
    const ORDER: [usize; 2 * PARTS];

    fn blocks(row: &[u8]) -> &[Self::Bytes];

    /// # Safety
    /// The machine has AVX-512 F, BW and VL, and F16C.
    #[allow(unsafe_code)]
    unsafe fn open(block: &Self::Bytes) -> Opened;
}

/// The order of formats whose low and high four bits of 32 bytes are two groups.
const BY_NIBBLES: [usize; 2 * PARTS] = [0, 2, 1, 3, 4, 6, 5, 7];

/// 64 bytes of an array, from `at`.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load<T: Copy, const N: usize>(array: &[T; N], at: usize) -> __m512i {
    assert!(at + 64 <= size_of::<[T; N]>());
    // SAFETY: the bytes are those of the array, which was just checked, and the load needs no alignment.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(array.as_ptr().cast::<u8>().add(at).cast())
    }
}

/// 32 bytes of an array, from `at`, twice.
#[target_feature(enable = "avx512f")]
#[inline]
fn load_twice<const N: usize>(array: &[u8; N], at: usize) -> __m512i {
    assert!(at + 32 <= N);
    // SAFETY: as above.
    #[allow(unsafe_code)]
    let bytes = unsafe { _mm256_loadu_si256(array.as_ptr().add(at).cast()) };
    _mm512_broadcast_i64x4(bytes)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_16<const N: usize>(array: &[u8; N], at: usize) -> __m128i {
    assert!(at + 16 <= N);
    // SAFETY: as above.
    #[allow(unsafe_code)]
    unsafe {
        _mm_loadu_si128(array.as_ptr().add(at).cast())
    }
}

/// Which scale every four quants of two registers have, given those of the quarters of both.
const fn by_quarters(first: [i16; 4], second: [i16; 4]) -> [i16; 32] {
    let mut index = [0; 32];
    let mut at = 0;
    while at < 32 {
        let of = if at % 8 < 4 { first } else { second };
        index[at] = of[at / 8];
        at += 1;
    }
    index
}

/// Scales of groups of 32 as [`BY_NIBBLES`] orders them.
const SCALES_OF_32: [[i16; 32]; PARTS / 2] =
    [by_quarters([0, 0, 2, 2], [1, 1, 3, 3]), by_quarters([4, 4, 6, 6], [5, 5, 7, 7])];
/// Scales of groups of 16 in order.
const SCALES_OF_16: [[i16; 32]; PARTS / 2] =
    [by_quarters([0, 1, 2, 3], [4, 5, 6, 7]), by_quarters([8, 9, 10, 11], [12, 13, 14, 15])];

/// The eight scales and eight minima of 6 bits in 12 bytes: scales for [`Opened`], and every minimum twice.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
fn scales_and_minima([a, b, c]: [u32; 3]) -> ([__m512i; PARTS / 2], __m256i) {
    let upper = |from: u32| ((from >> 6) & 0x0303_0303) << 4;
    let pair = |low: u32, high: u32| (u64::from(low) | u64::from(high) << 32).cast_signed();
    let scales = pair(a & 0x3f3f_3f3f, c & 0x0f0f_0f0f | upper(a));
    let minima = pair(b & 0x3f3f_3f3f, (c >> 4) & 0x0f0f_0f0f | upper(b));
    let all = _mm256_cvtepu8_epi16(_mm_set_epi64x(minima, scales));
    let of_16 = _mm256_setr_epi16(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
    let wide = _mm512_castsi256_si512(all);
    let scales = SCALES_OF_32.map(|index| _mm512_permutexvar_epi16(load(&index, 0), wide));
    (scales, _mm256_permutexvar_epi16(of_16, all))
}

/// Two f16, each in all of a register.
#[target_feature(enable = "avx512f,f16c")]
#[inline]
fn two_halves(bytes: [u8; 4]) -> [__m512; 2] {
    let both = _mm_cvtph_ps(_mm_cvtsi32_si128(i32::from_le_bytes(bytes)));
    [both, _mm_movehdup_ps(both)].map(|first| _mm512_broadcastss_ps(first))
}

/// 16 numbers of 16 bits times a number.
#[target_feature(enable = "avx512f")]
#[inline]
fn times(numbers: __m256i, number: __m512) -> __m512 {
    _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(numbers)), number)
}

/// Low and high four bits of 64 bytes.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn nibbles(bytes: __m512i) -> [__m512i; 2] {
    let low = _mm512_set1_epi8(15);
    [_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low)]
}

fn words<const N: usize>(block: &[u8; N], at: usize) -> [u32; 3] {
    std::array::from_fn(|word| u32::from_le_bytes(std::array::from_fn(|byte| block[at + 4 * word + byte])))
}

/// d, dmin: f16; 12 bytes of scales; 128 bytes of quants.
pub(super) struct Q4K;

impl Format for Q4K {
    type Bytes = [u8; 144];
    const ORDER: [usize; 2 * PARTS] = BY_NIBBLES;

    fn blocks(row: &[u8]) -> &[Self::Bytes] {
        row.as_chunks().0
    }

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx2,f16c,avx512f,avx512bw,avx512vl")]
    #[inline]
    unsafe fn open(block: &Self::Bytes) -> Opened {
        let [scale, step] = two_halves([block[0], block[1], block[2], block[3]]);
        let (scales, offsets) = scales_and_minima(words(block, 4));
        let ([a, b], [c, d]) = (nibbles(load(block, 16)), nibbles(load(block, 80)));
        Opened { quants: [a, b, c, d], scales, offsets: times(offsets, step), scale }
    }
}

/// d, dmin: f16; 12 bytes of scales; 32 bytes with the fifth bits, one bit of all of them a group; 128 bytes of quants.
pub(super) struct Q5K;

impl Format for Q5K {
    type Bytes = [u8; 176];
    const ORDER: [usize; 2 * PARTS] = BY_NIBBLES;

    fn blocks(row: &[u8]) -> &[Self::Bytes] {
        row.as_chunks().0
    }

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx2,f16c,avx512f,avx512bw,avx512vl")]
    #[inline]
    unsafe fn open(block: &Self::Bytes) -> Opened {
        let [scale, step] = two_halves([block[0], block[1], block[2], block[3]]);
        let (scales, offsets) = scales_and_minima(words(block, 4));
        let ([a, b], [c, d]) = (nibbles(load(block, 48)), nibbles(load(block, 112)));
        let (fifth, sixteen) = (load_twice(block, 16), _mm512_set1_epi8(16));
        let mut quants = [a, b, c, d];
        for (quants, groups) in quants.iter_mut().zip(BY_NIBBLES.as_chunks::<2>().0) {
            let [low, high] = groups.map(|group| _mm256_set1_epi8((1_u8 << group).cast_signed()));
            let bits = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
            *quants = _mm512_mask_add_epi8(*quants, _mm512_test_epi8_mask(fifth, bits), *quants, sixteen);
        }
        Opened { quants, scales, offsets: times(offsets, step), scale }
    }
}

/// 128 bytes of lower four bits, 64 of upper two, 16 signed scales, d: f16.
pub(super) struct Q6K;

impl Format for Q6K {
    type Bytes = [u8; 210];
    const ORDER: [usize; 2 * PARTS] = [0, 1, 2, 3, 4, 5, 6, 7];

    fn blocks(row: &[u8]) -> &[Self::Bytes] {
        row.as_chunks().0
    }

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx2,f16c,avx512f,avx512bw,avx512vl")]
    #[inline]
    unsafe fn open(block: &Self::Bytes) -> Opened {
        let [scale, _] = two_halves([block[208], block[209], 0, 0]);
        let step = _mm512_mul_ps(scale, _mm512_set1_ps(32.0));
        let offsets = _mm256_cvtepi8_epi16(load_16(block, 192));
        let scales =
            SCALES_OF_16.map(|index| _mm512_permutexvar_epi16(load(&index, 0), _mm512_castsi256_si512(offsets)));
        let [a, b] = six_bits(load(block, 0), load_twice(block, 128));
        let [c, d] = six_bits(load(block, 64), load_twice(block, 160));
        Opened { quants: [a, b, c, d], scales, offsets: times(offsets, step), scale }
    }
}

/// 128 quants. Those of 32 lower and upper halves of `low` have their upper two bits in `high` two bits higher each time.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn six_bits(low: __m512i, high: __m512i) -> [__m512i; 2] {
    let turns = |lower, upper| _mm512_inserti64x4::<1>(_mm512_set1_epi32(lower), _mm256_set1_epi32(upper));
    let upper = _mm512_set1_epi8(0x30);
    let [first, second] = nibbles(low);
    let bits = |turns| _mm512_and_si512(_mm512_rolv_epi32(high, turns), upper);
    [_mm512_or_si512(first, bits(turns(4, 2))), _mm512_or_si512(second, bits(turns(0, 30)))]
}
