//! Positions of the interleaved MRoPE (`get_rope_index` of `modeling_qwen3_vl.py`).
//!
//! Text advances all three axes together. A segment (or an image) of merged grid `(h, w)` starting at `p` keeps
//! `T = p`, counts rows on `H` and columns on `W`, and moves the next token to `p + max(h, w)`. Time is never in the
//! positions: it is in the stamps.

/// Positions on the time, height and width axes of one token.
pub type Position = [u32; 3];

/// Hands out positions token by token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    next: u32,
}

impl Cursor {
    /// The position the next text token gets.
    pub fn next(self) -> u32 {
        self.next
    }

    /// Appends the positions of `tokens` text tokens.
    pub fn text(&mut self, tokens: usize, out: &mut Vec<Position>) {
        out.extend((0..tokens as u32).map(|i| [self.next.saturating_add(i); 3]));
        self.next = self.next.saturating_add(tokens as u32);
    }

    /// Appends the positions of one segment or image of `rows × columns` merged tokens.
    pub fn grid(&mut self, rows: usize, columns: usize, out: &mut Vec<Position>) {
        let p = self.next;
        for row in 0..rows as u32 {
            out.extend((0..columns as u32).map(|column| [p, p.saturating_add(row), p.saturating_add(column)]));
        }
        self.next = p.saturating_add(rows.max(columns) as u32);
    }

    /// Appends the positions of those tokens of a segment that were kept (row by row, ascending), which are the same as if all
    /// had been; so is where the next token goes.
    pub fn pruned(&mut self, rows: usize, columns: usize, kept: &[u32], out: &mut Vec<Position>) {
        let (p, wide) = (self.next, columns.max(1) as u32);
        out.extend(kept.iter().map(|token| [p, p.saturating_add(token / wide), p.saturating_add(token % wide)]));
        self.next = p.saturating_add(rows.max(columns) as u32);
    }

    /// `rope_delta` of the reference after `tokens` tokens: next position minus token count, never positive.
    pub fn delta(self, tokens: usize) -> i64 {
        i64::from(self.next) - tokens as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_segment_advances_by_its_longer_side() {
        let (mut cursor, mut out) = (Cursor::default(), Vec::new());
        cursor.text(2, &mut out);
        cursor.grid(2, 3, &mut out);
        cursor.text(1, &mut out);
        let expected =
            [[0, 0, 0], [1, 1, 1], [2, 2, 2], [2, 2, 3], [2, 2, 4], [2, 3, 2], [2, 3, 3], [2, 3, 4], [5, 5, 5]];
        assert_eq!(out, expected);
        assert_eq!(cursor.delta(out.len()), 6 - 9);
    }

    proptest! {
        #[test]
        fn kept_tokens_stand_where_they_stood(rows in 1_usize..9, columns in 1_usize..9, every in 1_usize..5) {
            let (mut all, mut some) = (Cursor { next: 3 }, Cursor { next: 3 });
            let (mut whole, mut part) = (Vec::new(), Vec::new());
            all.grid(rows, columns, &mut whole);
            let kept: Vec<u32> = (0..(rows * columns) as u32).step_by(every).collect();
            some.pruned(rows, columns, &kept, &mut part);
            prop_assert_eq!(all, some);
            prop_assert_eq!(part, whole.into_iter().step_by(every).collect::<Vec<_>>());
        }

        #[test]
        fn positions_never_go_back(runs in proptest::collection::vec((0_usize..9, 0_usize..7, 1_usize..7), 0..20)) {
            let (mut cursor, mut out) = (Cursor::default(), Vec::new());
            for (text, rows, columns) in runs {
                let before = cursor.next();
                cursor.text(text, &mut out);
                if rows > 0 {
                    cursor.grid(rows, columns, &mut out);
                }
                prop_assert!(cursor.next() >= before);
            }
            prop_assert!(out.windows(2).all(|w| w[0][0] <= w[1][0]));
            prop_assert!(out.iter().flatten().all(|&p| p < cursor.next().max(1)));
            prop_assert!(cursor.delta(out.len()) <= 0);
        }
    }
}
