//! Time as Timepin knows it: exact moments, spans, the plan of which frames to look at, what that costs, and the words
//! that browser and server exchange about it.
//!
//! Pure and without I/O: the same code runs natively and in the page, so both always mean the same moment.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a moment or a stretch of time is represented or printed | [`time`] |
//! | the frames to look at are chosen | [`plan`] |
//! | a long video is seen at a glance before its plan is read | [`overview`] |
//! | one shot is told from the next | [`cuts`] |
//! | a frame is fitted to the pixel budget | [`resize`] |
//! | frames, pixels and tokens are counted before a run | [`budget`] |
//! | a question's need of fine looks is told | [`need`] |
//! | moments are looked at closer | [`closer`] |
//! | what an answer took beside one reading is told | [`course`] |
//! | times are found in an answer's text | [`mentions`] |
//! | subtitles are read, searched, laid between segments, written | [`cues`] |
//! | transcripts travel between page and server | [`transcripts`] |
//! | videos, frames and questions travel between page and server | [`video`] |
//! | a search across the library is answered | [`find`] |
//! | scenes become chapters, and answers their titles | [`outline`] |
//! | progress and answers stream to the page | [`events`] |
//! | the page learns about the model | [`model`] |
//! | files that the server decodes are told | [`ingest`] |
//! | what is said is on its way to a transcript | [`hearing`] |
//! | models are listed and their downloads told | [`models`] |

pub mod brief;
pub mod budget;
pub mod closer;
pub mod course;
pub mod cues;
pub mod cuts;
pub mod events;
pub mod find;
pub mod hearing;
pub mod ingest;
pub mod mentions;
pub mod model;
pub mod models;
pub mod need;
pub mod outline;
pub mod overview;
pub mod plan;
pub mod resize;
pub mod time;
pub mod transcripts;
pub mod video;

pub use brief::BriefFinder;
pub use budget::Budget;
pub use closer::Closer;
pub use course::Course;
pub use cues::{Cue, Transcript};
pub use cuts::CutFinder;
pub use events::{AnswerEvent, Gaze, Pin, ProgressEvent};
pub use hearing::{HearingCause, HearingInfo, HearingState};
pub use ingest::{IngestCause, IngestId, IngestInfo, IngestOptions, IngestSource, IngestState, ServerFile};
pub use mentions::Mention;
pub use model::ModelInfo;
pub use models::{DeviceFit, LocalModel, ModelState, PullCause, PullEvent, PullPhase, PullProgress};
pub use outline::{Chapter, Outline, OutlineState, Scene, TitleLanguage};
pub use overview::{Coarse, Glimpse};
pub use plan::{PlanRequest, SamplingPlan};
pub use time::{Span, Timestamp};
pub use transcripts::{CueRecord, Evidence, TranscriptInfo, TranscriptReceipt};
pub use video::{AppendReceipt, FrameIn, NewVideo, QuestionRecord, VideoId, VideoState, VideoSummary};
