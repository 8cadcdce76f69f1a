//! How the samples along one side are weighed to give fewer (or, rarely, more).

/// Weights of one axis add up to this.
pub(crate) const ONE: u32 = 1 << 14;

/// For each sample wanted, where to begin and how much of each sample from there on.
///
/// Fewer samples are the means of the stretches they stand for, parts of a sample at both ends included; more are drawn
/// as straight lines between the centres (what OpenCV names `INTER_AREA`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axis {
    taps: Vec<Taps>,
    weights: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taps {
    first: usize,
    from: usize,
    to: usize,
}

impl Axis {
    /// From `from` samples to `to`; neither may be zero.
    pub(crate) fn new(from: usize, to: usize) -> Self {
        let mut axis = Self { taps: Vec::with_capacity(to), weights: Vec::new() };
        for i in 0..to {
            let (first, shares) = if to < from { means(from, to, i) } else { lines(from, to, i) };
            axis.push(first, &shares);
        }
        axis
    }

    /// Shares become whole weights, rounded where they end, so that nothing is left over.
    fn push(&mut self, first: usize, shares: &[f64]) {
        let (from, total) = (self.weights.len(), shares.iter().sum::<f64>());
        let (mut share_so_far, mut so_far) = (0.0, 0);
        for share in shares {
            share_so_far += share / total;
            let end = (share_so_far * f64::from(ONE)).round() as u32;
            self.weights.push(end - so_far);
            so_far = end;
        }
        self.taps.push(Taps { first, from, to: self.weights.len() });
    }

    /// For each sample wanted: the first sample that counts, and the weights from there on.
    pub(crate) fn taps(&self) -> impl Iterator<Item = (usize, &[u32])> {
        self.taps.iter().map(|taps| (taps.first, self.weights.get(taps.from..taps.to).unwrap_or_default()))
    }
}

/// The stretch from `i` to `i + 1` of `to`, in samples of `from`.
fn means(from: usize, to: usize, i: usize) -> (usize, Vec<f64>) {
    let scale = from as f64 / to as f64;
    let (start, end) = (i as f64 * scale, ((i + 1) as f64 * scale).min(from as f64));
    let first = (start.floor() as usize).min(from - 1);
    let last = (end.ceil() as usize).clamp(first + 1, from);
    let share = |sample: usize| (end.min((sample + 1) as f64) - start.max(sample as f64)).max(0.0);
    (first, (first..last).map(share).collect())
}

/// The two samples around the centre of `i`.
fn lines(from: usize, to: usize, i: usize) -> (usize, Vec<f64>) {
    let centre = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
    let first = centre.floor() as usize;
    let part = centre - first as f64;
    (first, if part > 0.0 && first + 1 < from { vec![1.0 - part, part] } else { vec![1.0] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(axis: &Axis) -> Vec<(usize, Vec<u32>)> {
        axis.taps().map(|(first, weights)| (first, weights.to_vec())).collect()
    }

    #[test]
    fn three_of_four_share_their_neighbours_and_as_many_stay_as_they_are() {
        let third = |a, b| vec![ONE * a / 4, ONE * b / 4];
        assert_eq!(plain(&Axis::new(4, 3)), [(0, third(3, 1)), (1, third(2, 2)), (2, third(1, 3))]);
        assert_eq!(plain(&Axis::new(3, 3)), [(0, vec![ONE]), (1, vec![ONE]), (2, vec![ONE])]);
        assert_eq!(plain(&Axis::new(1, 2)), [(0, vec![ONE]), (0, vec![ONE])]);
        assert_eq!(plain(&Axis::new(2, 4))[1], (0, third(3, 1)));
    }

    proptest! {
        #[test]
        fn weights_add_up_and_stay_inside(from in 1_usize..5000, to in 1_usize..700) {
            let axis = Axis::new(from, to);
            prop_assert_eq!(axis.taps().count(), to);
            for (first, weights) in axis.taps() {
                prop_assert_eq!(weights.iter().sum::<u32>(), ONE);
                prop_assert!(first + weights.len() <= from);
            }
        }
    }
}
