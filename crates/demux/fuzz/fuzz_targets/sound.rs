//! Any bytes for a reader of sound tracks, behind the beginning of an MP4, of a Matroska file, or alone.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let beginning: &[u8] = match input.0 % 3 {
        0 => b"\0\0\0\x08ftyp",
        1 => b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        _ => b"",
    };
    demux_fuzz::use_sound(&[beginning, input.1].concat());
});
