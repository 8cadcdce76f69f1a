//! The pictures of FFmpeg with the times of `demux`: also where the container has no presentation times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ingest::ffmpeg::{Naming, Sides, Video, extract, probe, strip};
use timeline::FrameIn;
use timeline::resize::Size;

fn ffmpeg(arguments: &[&str], path: &Path) {
    let quiet = ["-nostdin", "-v", "error", "-y"];
    assert!(Command::new("ffmpeg").args(quiet).args(arguments).arg(path).status().unwrap().success(), "{arguments:?}");
}

/// Three seconds of moving pictures, coded so, as MP4, and the same coded pictures as AVI.
fn pair(folder: &Path, how: &[&str]) -> (PathBuf, PathBuf) {
    let (mp4, avi) = (folder.join("film.mp4"), folder.join("film.avi"));
    let source = ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=3", "-pix_fmt", "yuv420p"];
    ffmpeg(&[&source, how].concat(), &mp4);
    ffmpeg(&["-i", mp4.to_str().unwrap(), "-c", "copy"], &avi);
    (mp4, avi)
}

fn frames(video: &Video, indices: &[usize]) -> Vec<FrameIn> {
    let mut extraction = extract(video, indices, Sides { cuts: false, between: &[] }).unwrap();
    let mut all = Vec::new();
    loop {
        match extraction.next(16).unwrap() {
            frames if frames.is_empty() => return all,
            frames => all.extend(frames),
        }
    }
}

#[test]
fn shots_begin_where_they_begin_whatever_the_container() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("shots.mkv");
    let of = |name: &str| format!("{name}=size=320x180:rate=25");
    let flash = "[2]drawbox=c=white:t=fill:enable='between(n,30,33)',trim=end_frame=60[c];[0]trim=end_frame=51[a]";
    let graph = format!("{flash};[1]trim=end_frame=77[b];[a][b][c]concat=n=3,format=yuv420p");
    let sources = [of("testsrc2"), of("smptebars"), "color=0x204060:size=320x180:rate=25".to_owned()];
    let inputs: Vec<_> = sources.iter().flat_map(|source| ["-f", "lavfi", "-i", source]).collect();
    ffmpeg(&[&inputs[..], &["-filter_complex", &graph, "-c:v", "mpeg4", "-bf", "2"]].concat(), &film);
    let avi = folder.path().join("shots.avi");
    ffmpeg(&["-i", film.to_str().unwrap(), "-c", "copy"], &avi);
    for path in [film, avi] {
        let video = probe(&path).unwrap();
        let mut extraction = extract(&video, &[0, 100], Sides { cuts: true, between: &[] }).unwrap();
        let mut cuts = Vec::new();
        while !extraction.next(1).unwrap().is_empty() {
            cuts.extend(extraction.cuts(false));
        }
        cuts.extend(extraction.cuts(true));
        assert_eq!(cuts, [video.frames[51].at, video.frames[128].at], "{path:?}");
    }
}

#[test]
fn what_comes_and_goes_between_two_planned_frames_is_told_whatever_the_container() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("brief.mp4");
    // Something for a quarter of a second between two looks (frames 30 to 35), and something that a look sees (from 73 on).
    let square = |colour: &str, from: u32, to: u32| {
        format!("drawbox=x=200:y=40:w=40:h=40:c={colour}:t=fill:enable='between(n,{from},{to})'")
    };
    let filters = format!("{},{},format=yuv420p", square("red", 30, 35), square("blue", 73, 78));
    let source = "gradients=size=320x180:rate=25:duration=6:speed=0.01:seed=4";
    ffmpeg(&["-f", "lavfi", "-i", source, "-vf", &filters, "-c:v", "libx264", "-bf", "2"], &film);
    let avi = folder.path().join("brief.avi");
    ffmpeg(&["-i", film.to_str().unwrap(), "-c", "copy"], &avi);
    for path in [film, avi] {
        let video = probe(&path).unwrap();
        let planned: Vec<_> = (0..video.frames.len()).step_by(25).collect();
        // As after an interruption, when most frames are there already.
        let mut extraction = extract(&video, &planned[4..], Sides { cuts: false, between: &planned }).unwrap();
        let mut found = Vec::new();
        while !extraction.next(1).unwrap().is_empty() {
            found.extend(extraction.flashes(false));
        }
        found.extend(extraction.flashes(true));
        assert_eq!(found.len(), 1, "{path:?}: {found:?}");
        let at = |frame: usize| video.frames[frame].at;
        assert!((at(30)..=at(32)).contains(&found[0].start) && (at(34)..=at(38)).contains(&found[0].end), "{found:?}");
    }
}

#[test]
fn an_avi_with_b_frames_gives_the_pictures_and_times_of_the_same_film_in_mp4() {
    for how in [&["-c:v", "libx264", "-bf", "3", "-g", "25"][..], &["-c:v", "mpeg4", "-bf", "2", "-g", "20"]] {
        let folder = tempfile::tempdir().unwrap();
        let (mp4, avi) = pair(folder.path(), how);
        let (mp4, avi) = (probe(&mp4).unwrap(), probe(&avi).unwrap());
        assert_eq!((mp4.naming, avi.naming), (Naming::Ticks, Naming::Order));
        assert_eq!((mp4.frames.len(), avi.frames.len()), (75, 75), "{how:?}");
        let wanted = [0, 1, 2, 3, 10, 11, 12, 24, 25, 26, 50, 73, 74];
        let (expected, found) = (frames(&mp4, &wanted), frames(&avi, &wanted));
        assert_eq!((expected.len(), found.len()), (wanted.len(), wanted.len()), "{how:?}");
        for ((index, expected), found) in wanted.iter().zip(&expected).zip(&found) {
            assert_eq!(found.pts.micros(), *index as i64 * 40_000, "{how:?}");
            assert_eq!(found.pts, expected.pts, "{how:?}");
            assert!(found.bytes == expected.bytes, "{how:?}: frame {index} is another picture");
        }
    }
}

#[test]
fn as_many_frames_as_a_film_of_hours_has_are_chosen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("long.mp4");
    let source = "testsrc=size=64x36:rate=4:duration=1500";
    ffmpeg(&["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"], &film);
    let video = probe(&film).unwrap();
    let indices: Vec<_> = (0..video.frames.len()).filter(|i| i % 6 != 0).collect();
    let times: Vec<_> = frames(&video, &indices).iter().map(|frame| frame.pts).collect();
    assert_eq!(times, indices.iter().map(|&i| video.frames[i].at).collect::<Vec<_>>());
    assert_eq!(times.len(), 5_000);
}

#[test]
fn a_playlist_is_no_video() {
    let folder = tempfile::tempdir().unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "testsrc2=duration=1", "-c:v", "mpeg2video"], &folder.path().join("secret.ts"));
    for (name, text) in [
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n"),
        ("concat.mp4", "ffconcat version 1.0\nfile secret.ts\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = probe(&path).unwrap_err().to_string();
        assert!(error.contains("is not a video that FFmpeg can read"), "{error}");
    }
}

#[test]
fn a_strip_has_every_frame_at_its_time_whatever_the_container() {
    let folder = tempfile::tempdir().unwrap();
    let (mp4, avi) = pair(folder.path(), &["-c:v", "mpeg4", "-bf", "2", "-g", "20"]);
    let pictures = |path: &Path| {
        let video = probe(path).unwrap();
        let mut strip = strip(&video, Size { height: 27, width: 48 }).unwrap();
        let (mut pixels, mut times, mut all) = (vec![0; 27 * 48 * 3], Vec::new(), Vec::new());
        while let Some(at) = strip.next(&mut pixels) {
            times.push(at);
            all.push(pixels.clone());
        }
        assert_eq!(times, video.frames.iter().map(|frame| frame.at).collect::<Vec<_>>());
        all
    };
    let found = pictures(&mp4);
    assert!(found.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(found, pictures(&avi));
}
