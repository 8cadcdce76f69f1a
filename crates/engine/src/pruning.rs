//! Token pruning: where a segment shows what was shown before, its tokens are left out (Efficient Video Sampling, NVIDIA 2025).
//!
//! A token stays when its part of either frame differs from how that part was last shown. Tokens that stay keep their
//! positions, and every segment keeps its stamp and at least one token: time is never pruned. What is left out follows from
//! the segments before alone, so a growing video keeps its beginning.

use timeline::resize::Size;

use crate::selection::{CHANGE, LOOK, Look};

/// Pixels of a token's side.
const TOKEN: u32 = 32;

/// Of each segment the tokens that stay, row by row, ascending; `None` when all do. size: of a segment.
pub(crate) fn kept(looks: &[Look], size: Size) -> Vec<Option<Vec<u32>>> {
    let (rows, columns) = ((size.height / TOKEN).max(1), (size.width / TOKEN).max(1));
    let mut shown: Option<Vec<u8>> = None;
    let mut all = Vec::with_capacity(looks.len());
    for look in looks {
        let (one, two) = look.split_at(look.len() / 2);
        let Some(shown) = &mut shown else {
            shown = Some(two.to_vec());
            all.push(None);
            continue;
        };
        let changes: Vec<u8> = (0..rows * columns)
            .map(|token| {
                let cells =
                    cells(token / columns, rows).flat_map(|y| cells(token % columns, columns).map(move |x| (y, x)));
                cells.map(|(y, x)| change(shown, one, two, y * LOOK as usize + x)).max().unwrap_or(u8::MAX)
            })
            .collect();
        let largest = changes.iter().copied().max().unwrap_or(0);
        // Nothing changed: one token, so that the stamp stands before a picture as the model knows it.
        let mut only_one = (largest < CHANGE).then_some(());
        let stays = |&(_, change): &(u32, u8)| change >= CHANGE || (change == largest && only_one.take().is_some());
        let kept: Vec<u32> = (0..).zip(changes).filter(stays).map(|(token, _)| token).collect();
        for &token in &kept {
            for y in cells(token / columns, rows) {
                for x in cells(token % columns, columns) {
                    let cell = y * LOOK as usize + x;
                    if let (Some(shown), Some(now)) = (shown.get_mut(cell), two.get(cell)) {
                        *shown = *now;
                    }
                }
            }
        }
        all.push((kept.len() < (rows * columns) as usize).then_some(kept));
    }
    all
}

/// Cells of a look that the `i`-th of `of` tokens of a side covers, in part or whole.
fn cells(i: u32, of: u32) -> std::ops::Range<usize> {
    let end = ((i + 1) * LOOK).div_ceil(of).min(LOOK);
    ((i * LOOK / of).min(LOOK - 1) as usize)..end as usize
}

/// By how much either frame differs from what was shown in a cell.
fn change(shown: &[u8], one: &[u8], two: &[u8], cell: usize) -> u8 {
    let of = |frame: &[u8]| shown.get(cell).zip(frame.get(cell)).map_or(u8::MAX, |(a, b)| a.abs_diff(*b));
    of(one).max(of(two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size { height: 64, width: 128 };

    /// A segment whose frames are of one level, but for a cell.
    fn look(level: u8, cell: usize, other: u8) -> Look {
        let mut frame = vec![level; 256];
        frame[cell] = other;
        [frame.clone(), frame].concat().into()
    }

    #[test]
    fn only_what_changed_stays_and_what_never_changes_one_token() {
        let kept =
            kept(&[look(50, 0, 50), look(50, 0, 50), look(50, 255, 90), look(50, 255, 90), look(50, 0, 50)], SIZE);
        // Eight tokens of 8 × 4 cells; the last cell is the last token's.
        assert_eq!(kept, [None, Some(vec![0]), Some(vec![7]), Some(vec![0]), Some(vec![7])]);
    }

    #[test]
    fn slow_change_is_shown_when_it_has_become_visible() {
        let looks: Vec<_> = (0..7).map(|i| look(50 + i, 0, 50 + i)).collect();
        let all: Vec<_> = kept(&looks, SIZE).iter().map(|kept| kept.as_ref().map_or(8, Vec::len)).collect();
        // Two tokens were shown meanwhile, one after the other: they are as new.
        assert_eq!(all, [8, 1, 1, 6, 1, 1, 6]);
    }

    proptest! {
        #[test]
        fn a_beginning_is_pruned_as_it_was_and_tokens_ascend(
            levels in proptest::collection::vec((0_u8..6, 0_usize..256, 0_u8..255), 1..12), rows in 1_u32..9, columns in 1_u32..9,
        ) {
            let looks: Vec<_> = levels.iter().map(|&(level, cell, other)| look(level, cell, other)).collect();
            let size = Size { height: rows * TOKEN, width: columns * TOKEN };
            let all = kept(&looks, size);
            prop_assert_eq!(&kept(&looks[..looks.len() / 2], size)[..], &all[..looks.len() / 2]);
            for kept in all.iter().flatten() {
                prop_assert!(!kept.is_empty() && kept.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(kept.iter().all(|&token| token < rows * columns));
            }
        }
    }
}
