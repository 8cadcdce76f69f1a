//! What the page knows, as signals. Views read it, handlers call its verbs; nothing else talks to the server.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a file becomes a video; what survives moving between pages | [`session`] |
//! | frames travel to the server, with retry, cancel and resume | [`ingest`] |
//! | files are offered to the server and followed there | [`ingests`], sent: [`uploads`] |
//! | several files wait for each other | [`queue`] |
//! | one open video is known (frames, segments, playhead, zoom) | [`bench`] |
//! | the index's progress is followed | [`progress`] |
//! | a question is asked and its answer arrives | [`conversation`] |
//! | the visible part of the timeline is computed | [`zoom`] |
//! | what is said is transcribed on the server | [`hearing`]; the sound of a local file is sent: [`sounds`] |
//! | models are listed and pulled | [`pulls`] |
//! | something that the server does for a video is followed | [`follow`] |
//! | what happens in a video is found | [`outline`] |
//! | transcripts are taken in, searched, corrected | [`transcripts`]; those inside a video file: [`tracks`] |
//! | problems are told apart | [`trouble`] |

pub mod bench;
pub mod conversation;
pub mod follow;
pub mod hearing;
pub mod ingest;
pub mod ingests;
pub mod outline;
pub mod progress;
pub mod pulls;
pub mod queue;
pub mod session;
pub mod sounds;
pub mod tracks;
pub mod transcripts;
pub mod trouble;
pub mod uploads;
pub mod zoom;
