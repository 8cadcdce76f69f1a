//! Chosen frames out of a file, each with its time, while FFmpeg is still decoding.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdout, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;
use timeline::resize::Size;
use timeline::{FrameIn, Span, Timestamp};

use super::glances::{self, Glances};
use super::probe::{Frame, Naming, Video, plain};
use super::shots::{self, Cuts, Told};
use super::{Error, Running, last_words, launch, png, program};

/// The longer side of a frame as it is kept: what the browser sends, too.
const LONG_SIDE: u32 = 448;
/// Frames that are there are given after this long, however many were asked for.
const PATIENCE: Duration = Duration::from_millis(500);

/// How far before a frame FFmpeg seeks: its clock and ours may begin apart by less.
const BEFORE: Timestamp = Timestamp::from_millis(2_000);

/// Bytes of an argument that every system takes; Linux takes 128 KiB, Windows 32 of all together.
const ARGUMENT: usize = 24 << 10;

/// Bytes that FFmpeg may say.
const WORDS: u64 = 64 << 20;
/// Bytes more that it may say of every frame.
const WORDS_OF_A_FRAME: u64 = 1 << 10;

/// What is told on the side of decoding.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// Where shots begin, as FFmpeg sees it.
    pub cuts: bool,
    /// What comes and goes between these frames, indices into the video's.
    pub between: &'a [usize],
}

/// Frames on their way out of FFmpeg.
#[derive(Debug)]
pub struct Extraction {
    path: PathBuf,
    _running: Running,
    /// Where FFmpeg reads its filters, when they are too long for a command line.
    _script: Option<NamedTempFile>,
    stdout: BufReader<ChildStdout>,
    /// Ticks of the frames in the order they come out, as FFmpeg's `showinfo` reports them.
    ticks: Receiver<i64>,
    /// Cuts as they are told.
    told: Receiver<Told>,
    cuts: Cuts,
    glances: Option<Glances>,
    complaints: Option<JoinHandle<String>>,
    naming: Naming,
    wanted: Vec<Frame>,
    /// Frames that came out of FFmpeg.
    came: usize,
    given: usize,
}

/// Decodes the frames at `indices` of `video.frames`.
///
/// # Errors
/// When FFmpeg cannot be started.
pub fn extract(video: &Video, indices: &[usize], sides: Sides<'_>) -> Result<Extraction, Error> {
    begin(video, indices, sides, None)
}

/// Decodes the frames at `indices` of `video.frames`, from the key frame before the first of them on.
///
/// # Errors
/// When FFmpeg cannot be started.
pub fn extract_there(video: &Video, indices: &[usize]) -> Result<Extraction, Error> {
    let at = |index: Option<&usize>| video.frames.get(*index?).map(|frame| frame.at);
    let start = match (at(indices.first()), video.frames.first()) {
        // Counted, frames have to be counted from the beginning.
        (Some(first), Some(begin)) if video.naming == Naming::Ticks => Some(first - begin.at - BEFORE),
        _ => None,
    };
    let sides = Sides { cuts: false, between: &[] };
    begin(video, indices, sides, start.filter(|start| *start > Timestamp::ZERO))
}

fn begin(video: &Video, indices: &[usize], sides: Sides<'_>, start: Option<Timestamp>) -> Result<Extraction, Error> {
    let frames = |indices: &[usize]| indices.iter().filter_map(|&i| video.frames.get(i)).copied().collect::<Vec<_>>();
    let (wanted, planned) = (frames(indices), frames(sides.between));
    let size = scaled(video.size);
    let select = choose(video.naming, &wanted);
    let scale = format!("scale={}:{}:flags=area+accurate_rnd+full_chroma_int", size.width, size.height);
    let cuts = if sides.cuts { shots::FILTER } else { "" };
    let mut command = program("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "info", "-copyts"]);
    if let Some(start) = start {
        command.args(["-ss", &format!("{:.3}", start.seconds())]);
    }
    command.arg("-i").arg(plain(&video.path)).args(["-map", &format!("0:v:{}", video.track), "-an", "-sn", "-dn"]);
    let filters = format!("{cuts}select='{select}',{scale},setsar=1,showinfo=checksum=0");
    let script = filter(&mut command, &filters).map_err(|e| Error::Run("ffmpeg", e))?;
    command.args(["-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "png", "-pix_fmt", "rgb24"]).args([
        "-compression_level",
        "1",
        "-",
    ]);
    let (glances, glanced) = match planned.is_empty() {
        true => (None, None),
        false => Some(Glances::add(&mut command, video, &planned).map_err(|e| Error::Run("ffmpeg", e))?).unzip(),
    };
    let (running, stdout, stderr) = launch(&mut command)?;
    let (sender, ticks) = channel();
    let (tell, told) = channel();
    let words = WORDS.saturating_add(WORDS_OF_A_FRAME.saturating_mul(video.frames.len() as u64));
    let listener = Listener { ticks: sender, glanced, cuts: tell };
    let complaints = std::thread::spawn(move || listener.listen(stderr.take(words)));
    Ok(Extraction {
        path: video.path.clone(),
        _running: running,
        _script: script,
        stdout: BufReader::with_capacity(1 << 20, stdout),
        ticks,
        told,
        cuts: Cuts::new(video.frames.clone(), video.naming),
        glances,
        complaints: Some(complaints),
        naming: video.naming,
        wanted,
        came: 0,
        given: 0,
    })
}

impl Extraction {
    /// The next frames, at most `most`, fewer when FFmpeg is slow; none at the end.
    ///
    /// # Errors
    /// When not a single frame could be decoded.
    pub fn next(&mut self, most: usize) -> Result<Vec<FrameIn>, Error> {
        let mut frames = Vec::new();
        let begun = Instant::now();
        while frames.len() < most && (frames.is_empty() || begun.elapsed() < PATIENCE) {
            match png::next(&mut self.stdout) {
                Ok(Some(bytes)) => match self.time() {
                    Some(pts) => frames.push(FrameIn { pts, bytes }),
                    None => continue,
                },
                // FFmpeg died in the middle of a frame: what came before is good.
                Ok(None) | Err(_) => break,
            }
        }
        self.given += frames.len();
        if self.given == 0 {
            let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(Error::Decode { path: self.path.clone(), reason: last_words(&said) });
        }
        Ok(frames)
    }

    /// First frames of shots that FFmpeg came across since the last call. After the last frame, all there are: call it once
    /// more then.
    pub fn cuts(&mut self, no_more: bool) -> Vec<Timestamp> {
        if no_more {
            // What FFmpeg said is heard when it has fallen silent.
            let _words = self.complaints.take().map(JoinHandle::join);
        }
        for told in self.told.try_iter() {
            self.cuts.take(told);
        }
        self.cuts.certain(no_more)
    }

    /// Where the picture was another for a moment, as far as [`cuts`](Self::cuts) has found since the last call, and what came and
    /// went between two frames of the plan.
    pub fn flashes(&mut self, no_more: bool) -> Vec<Span> {
        let mut flashes = self.cuts.flashes();
        flashes.extend(self.glances.iter_mut().flat_map(|glances| glances.found(no_more)));
        flashes
    }

    /// The time of the frame that just came out.
    fn time(&mut self) -> Option<Timestamp> {
        let ticks = self.ticks.recv().ok()?;
        let at = self.naming.place(&self.wanted, ticks, self.came)?;
        self.came += 1;
        self.wanted.get(at).map(|frame| frame.at)
    }
}

/// Hands filters to FFmpeg; the file they are in, if they need one.
pub(super) fn filter(command: &mut Command, filters: &str) -> io::Result<Option<NamedTempFile>> {
    if filters.len() <= ARGUMENT {
        command.args(["-vf", filters]);
        return Ok(None);
    }
    let mut script = NamedTempFile::with_prefix("timepin-filters-")?;
    script.write_all(filters.as_bytes())?;
    command.arg(if reads_any_option_from_files() { "-/filter:v" } else { "-filter_script:v" }).arg(script.path());
    Ok(Some(script))
}

/// Whether FFmpeg is of version 7 or later, which has one way for all options and has given up the older way.
fn reads_any_option_from_files() -> bool {
    let Ok(told) = program("ffmpeg").arg("-version").output() else { return true };
    is_seven_or_later(&String::from_utf8_lossy(&told.stdout))
}

/// `ffmpeg version 5.1.9-0+deb12u1 …`, `ffmpeg version n7.1`; what is built from the newest sources has another name.
fn is_seven_or_later(told: &str) -> bool {
    let version = told.strip_prefix("ffmpeg version ").unwrap_or_default().trim_start_matches('n');
    let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok());
    major.is_none_or(|major| major >= 7)
}

/// FFmpeg's expression for "one of these frames": a search tree, since its parser gives up on a sum of a hundred terms.
pub(super) fn choose(naming: Naming, frames: &[Frame]) -> String {
    let name = match naming {
        Naming::Ticks => "pts",
        Naming::Order => "n",
    };
    match frames {
        [] => "0".to_owned(),
        [frame] => format!("eq({name},{})", frame.name),
        _ => {
            let (before, after) = frames.split_at(frames.len() / 2);
            let middle = after.first().map_or(0, |frame| frame.name);
            format!("if(lt({name},{middle}),{},{})", choose(naming, before), choose(naming, after))
        }
    }
}

/// Who hears what FFmpeg says.
pub(super) struct Listener {
    /// For the ticks that `showinfo` prints.
    pub(super) ticks: Sender<i64>,
    /// For those of the other output, where there is one.
    pub(super) glanced: Option<Sender<i64>>,
    /// For the cuts that `scdet` tells.
    pub(super) cuts: Sender<Told>,
}

impl Listener {
    /// Passes on what is for somebody, and returns everything else that was said.
    pub(super) fn listen(self, stderr: impl Read) -> String {
        let (mut said, mut lines) = (String::new(), shots::Lines::default());
        // A receiver may have gone away: keep reading, or FFmpeg would block.
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(told) = lines.read(&line) {
                let _gone = self.cuts.send(told);
            } else if let Some(ticks) = shown_ticks(&line) {
                let to = if line.contains(glances::NAME) { self.glanced.as_ref() } else { Some(&self.ticks) };
                let _gone = to.map(|to| to.send(ticks));
            } else if !line.contains("showinfo") && !line.contains("lavfi.scd") {
                said.push_str(&line);
                said.push('\n');
            }
        }
        said
    }
}

/// `[Parsed_showinfo_2 @ 0x…] n:   0 pts:  12800 pts_time:1 …`
fn shown_ticks(line: &str) -> Option<i64> {
    let (_, rest) = line.split_once("showinfo").filter(|(_, rest)| rest.contains("] n:"))?;
    let (_, rest) = rest.split_once(" pts:")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The size at which frames are kept: never larger than the video, never without pixels.
fn scaled(size: Size) -> Size {
    let long = size.height.max(size.width).max(1);
    let scale = |side: u32| {
        if long <= LONG_SIDE {
            return side.max(1);
        }
        let side = f64::from(side) * f64::from(LONG_SIDE) / f64::from(long);
        (side.round() as u32).max(1)
    };
    Size { height: scale(size.height), width: scale(size.width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_side_decides_and_small_videos_stay_as_they_are() {
        assert_eq!(scaled(Size { height: 360, width: 640 }), Size { height: 252, width: 448 });
        assert_eq!(scaled(Size { height: 1920, width: 1080 }), Size { height: 448, width: 252 });
        assert_eq!(scaled(Size { height: 1, width: 1 }), Size { height: 1, width: 1 });
        assert_eq!(scaled(Size { height: 1, width: 4000 }), Size { height: 1, width: 448 });
    }

    #[test]
    fn chosen_frames_become_a_search_tree() {
        let frames = [0, 512, 1024].map(|name| Frame { at: Timestamp::ZERO, name });
        let expected = "if(lt(pts,512),eq(pts,0),if(lt(pts,1024),eq(pts,512),eq(pts,1024)))";
        assert_eq!(choose(Naming::Ticks, &frames), expected);
        assert_eq!(choose(Naming::Order, &frames), expected.replace("pts", "n"));
        assert_eq!(choose(Naming::Ticks, &[]), "0");
    }

    #[test]
    fn the_version_decides_how_filters_are_handed_over() {
        assert!(!is_seven_or_later("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers"));
        assert!(!is_seven_or_later("ffmpeg version n6.1.1 Copyright"));
        assert!(is_seven_or_later("ffmpeg version 7.1.1-1ubuntu1"));
        assert!(is_seven_or_later("ffmpeg version N-118448-g43be8d0728 Copyright"));
    }

    #[test]
    fn the_ticks_of_a_frame_are_read_from_showinfo() {
        let line = "[Parsed_showinfo_3 @ 0x5580] n:   0 pts:  12800 pts_time:1       duration:    512 fmt:rgb24";
        assert_eq!(shown_ticks(line), Some(12_800));
        assert_eq!(shown_ticks("[Parsed_showinfo_3 @ 0x5580] config in time_base: 1/12800, frame_rate: 30/1"), None);
        assert_eq!(shown_ticks("Stream #0:0: Video"), None);
    }
}
