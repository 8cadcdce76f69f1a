//! What pages are made of.
//!
//! End-to-end tests find things by `data-testid`; these names are stable: `dropzone`, `file-input`, `try-sample`,
//! `video-card`, `rename`, `rename-input`, `delete`, `confirm-delete`, `player`, `still`, `repick`, `timeline`
//! (`data-state`: `receiving`, `indexing`, `ready`), `playhead`, `segment`, `cut` (`data-pts-us`), `thumb`, `answer-span`, `budget`, `progress`,
//! `cancel`, `resume`, `question-input`, `ask`, `stop`, `suggestion`, `question-item` (`data-complete`), `answer`,
//! `evidence-chip`, `evidence-none`, `span-chip` (`data-start-us`, `data-end-us`, `aria-pressed`), `delete-question`, `error`, `lang-switch`,
//! `theme-switch`, `models-link`, `running-model`, `pull-name`, `pull-file`, `pull`, `model-row` (`data-state`: `complete`,
//! `partial`, `pulling`), `pull-progress`, `pull-cancel`, `pull-resume`, `transcript`, `subtitle-input`, `subtitle-receipt`, `track-receipt`, `subtitle-repairs`,
//! `subtitle-search`, `subtitle-count`, `subtitle-choice`, `cues`, `cue` (`data-start-us`), `edit-cue`, `cue-field`,
//! `subtitle-exports`, `subtitle-export`, `subtitle-timing`, `subtitle-offset`, `subtitle-rate`, `subtitle-apply`,
//! `subtitle-delete`, `subtitle-delete-yes`, `hear`, `hearing` (`data-state`: `waiting`, `listening`),
//! `hearing-facts`, `hearing-cancel`, `hearing-end`, `offer`, `offer-accept`, `offer-refuse`, `ingest` (`data-state`), `ingest-facts`, `ingest-cancel`,
//! `ingest-retry`, `upload-pause`, `upload-resume`, `upload-input`, `outline`, `outline-begin`, `outline-progress`, `outline-cancel`, `outline-again`,
//! `chapter`, `scene` (`data-start-us`), `scenes`, `chapters-copy`, `server-source`, `url-input`, `url-open`, `server-file`, `stage-note`. `<html data-hydrated>` says that clicks are heard.

pub mod answer;
pub mod budget;
pub mod damage;
pub mod demo_note;
pub mod dropzone;
pub mod file_drop;
pub mod find;
pub mod header;
pub mod history;
pub mod icons;
pub mod model_row;
pub mod offer;
pub mod on_the_way;
pub mod outline;
pub mod page_title;
pub mod player;
pub mod progress;
pub mod pull_form;
pub mod question_box;
pub mod queue;
pub mod server_source;
pub mod timeline;
pub mod transcript;
pub mod trouble;
pub mod video_card;
