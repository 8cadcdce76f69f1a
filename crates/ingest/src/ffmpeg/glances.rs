//! Every tenth of a second or so of a file in very small, on the side of decoding: what comes and goes between two frames of the plan.

use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tempfile::{NamedTempFile, TempDir};
use timeline::brief::{CELLS, EVERY};
use timeline::{BriefFinder, Span, Timestamp};

use super::extract::{choose, filter};
use super::probe::{Frame, Naming, Video};

/// What FFmpeg's `showinfo` of this stream is called, to tell it from the other one's.
pub(super) const NAME: &str = "showinfo@glance";

/// What is found while FFmpeg decodes.
#[derive(Debug)]
pub(super) struct Glances {
    /// Where FFmpeg brings the pictures.
    socket: PathBuf,
    found: Receiver<Span>,
    watching: Option<JoinHandle<()>>,
    /// Where FFmpeg reads its filters, when they are too long for a command line.
    _script: Option<NamedTempFile>,
    _folder: TempDir,
}

impl Glances {
    /// Adds an output to FFmpeg's command, and watches it; the ticks of its pictures go to the sender.
    pub(super) fn add(command: &mut Command, video: &Video, planned: &[Frame]) -> io::Result<(Self, Sender<i64>)> {
        let folder = tempfile::Builder::new().prefix("timepin-glances-").tempdir()?;
        let socket = folder.path().join("pictures");
        let listener = UnixListener::bind(&socket)?;
        let [across, down, _] = CELLS;
        command.args(["-map", &format!("0:v:{}", video.track), "-an", "-sn", "-dn"]);
        // In AVI pictures are told apart by their number among all of the file, which those that are chosen do not have.
        let select = match video.naming {
            Naming::Ticks => {
                let due = format!("isnan(prev_selected_t)+gte(t-prev_selected_t,{})", EVERY.seconds());
                format!("select='{due}+{}',", choose(video.naming, planned))
            }
            Naming::Order => String::new(),
        };
        let filters = format!("{select}scale={across}:{down}:flags=area,setsar=1,{NAME}=checksum=0");
        let script = filter(command, &filters)?;
        command.args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv444p"]);
        command.arg(format!("unix:{}", socket.display()));
        let (sender, ticks) = channel();
        let (tell, found) = channel();
        let watch = Watch {
            ticks,
            naming: video.naming,
            frames: video.frames.clone(),
            planned: planned.iter().map(|frame| frame.at).collect(),
        };
        let watching = std::thread::spawn(move || {
            // Closed unheard when FFmpeg never came.
            if let Ok((stream, _)) = listener.accept() {
                watch.see(BufReader::with_capacity(1 << 16, stream), &tell);
            }
        });
        Ok((Self { socket, found, watching: Some(watching), _script: script, _folder: folder }, sender))
    }

    /// Found since the last call; when FFmpeg has ended, all there is.
    pub(super) fn found(&mut self, no_more: bool) -> Vec<Span> {
        if no_more {
            self.end();
        }
        self.found.try_iter().collect()
    }

    fn end(&mut self) {
        // If nobody came, nobody will.
        let _waiting = UnixStream::connect(&self.socket);
        let _ended = self.watching.take().map(JoinHandle::join);
    }
}

impl Drop for Glances {
    fn drop(&mut self) {
        self.end();
    }
}

/// Who looks at the pictures.
struct Watch {
    ticks: Receiver<i64>,
    naming: Naming,
    frames: Vec<Frame>,
    planned: HashSet<Timestamp>,
}

impl Watch {
    fn see(self, mut pictures: impl Read, tell: &Sender<Span>) {
        let (mut finder, mut came) = (BriefFinder::default(), 0);
        let mut levels = vec![0; CELLS.iter().product()];
        while pictures.read_exact(&mut levels).is_ok() {
            let Ok(ticks) = self.ticks.recv() else { return };
            let place = self.naming.place(&self.frames, ticks, came);
            came += 1;
            let Some(frame) = place.and_then(|at| self.frames.get(at)) else { continue };
            let is_planned = self.planned.contains(&frame.at);
            if finder.wants(frame.at, is_planned) {
                for span in finder.see(frame.at, levels.clone(), is_planned) {
                    let _gone = tell.send(span);
                }
            }
        }
    }
}
