//! The visible part of the timeline: pure arithmetic, so that zooming keeps the moment under the finger where it is.

use timeline::{Span, Timestamp};

/// How far one step of the buttons, the keys or the wheel zooms.
pub const STEP: f64 = 1.5;

/// The most one can zoom into a video of `duration`: two seconds across the view, and never less than everything.
pub fn most(duration: Timestamp) -> f64 {
    (duration.seconds() / 2.0).max(1.0)
}

/// The scroll offset (pixels) after zooming from `before` to `after` with the point `anchor` (pixels from the view's left
/// edge) staying where it is.
pub fn scroll_after(scroll: f64, anchor: f64, before: f64, after: f64) -> f64 {
    ((scroll + anchor) * after / before - anchor).max(0.0)
}

/// Distance between labelled ticks so that labels are at least `label` pixels apart.
pub fn tick_step(duration: Timestamp, canvas: f64, label: f64) -> Timestamp {
    const STEPS: [f64; 17] =
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
    let wanted = duration.seconds() * label / canvas.max(1.0);
    Timestamp::from_seconds(STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(14_400.0))
}

/// The labelled moments of a ruler inside a window.
pub fn ticks(window: Span, step: Timestamp) -> Vec<Timestamp> {
    let step = step.micros().max(1);
    let first = window.start.micros().max(0).div_euclid(step);
    let last = window.end.micros().max(0).div_euclid(step).min(first.saturating_add(1_000));
    (first..=last).map(|i| Timestamp::from_micros(i * step)).collect()
}

/// Frames whose pictures fit side by side when each is `width` pixels wide on a canvas of `canvas` pixels.
pub fn fitting(frames: &[Timestamp], duration: Timestamp, canvas: f64, width: f64) -> Vec<Timestamp> {
    let length = duration.seconds().max(1e-6);
    let mut free = f64::NEG_INFINITY;
    let mut chosen = Vec::new();
    for frame in frames {
        let x = frame.seconds() / length * canvas;
        if x >= free {
            chosen.push(*frame);
            free = x + width;
        }
    }
    chosen
}

/// Stretches (ascending by their starts) as they are drawn: one that is shorter than `least` is drawn together with what follows
/// closely, for a thousand lines side by side are a surface.
pub fn blocks(stretches: impl IntoIterator<Item = Span>, least: Timestamp) -> Vec<Span> {
    let mut blocks: Vec<Span> = Vec::new();
    for stretch in stretches {
        match blocks.last_mut() {
            Some(last) if last.length() < least && stretch.start - last.end < least => {
                last.end = last.end.max(stretch.end)
            }
            _ => blocks.push(stretch),
        }
    }
    blocks
}

/// The last frame at or before a moment, else the first.
pub fn frame_at(frames: &[Timestamp], moment: Timestamp) -> Option<Timestamp> {
    let after = frames.partition_point(|pts| *pts <= moment);
    frames.get(after.saturating_sub(1)).copied()
}

/// Where a moment stands, in per cent of the video.
pub fn percent(moment: Timestamp, duration: Timestamp) -> f64 {
    (moment.seconds() / duration.seconds().max(1e-6) * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_moment_under_the_finger_stays_there() {
        let scroll = scroll_after(100.0, 50.0, 1.0, 2.0);
        assert!(((scroll + 50.0) / 2.0 - 150.0).abs() < 1e-9);
    }

    #[test]
    fn what_would_be_too_narrow_is_drawn_together_and_what_lies_apart_is_not() {
        let spans = |of: &[(f64, f64)]| of.iter().map(|(a, b)| Span::new(at(*a), at(*b))).collect::<Vec<_>>();
        let four = spans(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]);
        assert_eq!(blocks(four.clone(), at(1.0)), four);
        assert_eq!(blocks(four.clone(), at(1.5)), spans(&[(0.0, 2.0), (2.0, 4.0)]));
        assert_eq!(blocks(four, at(100.0)), spans(&[(0.0, 4.0)]));
        let apart = spans(&[(0.0, 0.5), (0.4, 0.6), (5.0, 5.5)]);
        assert_eq!(blocks(apart, at(2.0)), spans(&[(0.0, 0.6), (5.0, 5.5)]));
        let film = (0..7_200).map(|i| Span::new(at(f64::from(i)), at(f64::from(i) + 1.0)));
        assert!(blocks(film, at(32.0)).len() <= 225);
    }

    #[test]
    fn labels_never_collide() {
        assert_eq!(tick_step(at(60.0), 900.0, 70.0), at(5.0));
        assert_eq!(tick_step(at(7200.0), 900.0, 70.0), at(600.0));
        assert_eq!(ticks(Span::new(at(0.0), at(60.0)), at(15.0)).len(), 5);
        assert_eq!(ticks(Span::new(at(31.0), at(46.0)), at(15.0)), [at(30.0), at(45.0)]);
    }

    #[test]
    fn pictures_lie_side_by_side_at_their_true_times() {
        let frames: Vec<_> = (0..120).map(|i| at(f64::from(i) * 0.5)).collect();
        let chosen = fitting(&frames, at(60.0), 1200.0, 100.0);
        assert_eq!(chosen.len(), 12);
        assert!(chosen.windows(2).all(|w| w[1] - w[0] >= at(5.0)));
        assert_eq!(frame_at(&frames, at(3.7)), Some(at(3.5)));
        assert_eq!(frame_at(&[], at(3.7)), None);
    }
}
