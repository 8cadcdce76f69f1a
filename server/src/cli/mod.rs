//! What can be typed after `timepin`.

mod flags;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use timeline::cues::{Export, Retiming};
use timeline::models::USUAL_MINUTES;
use timeline::{Timestamp, TitleLanguage};

pub(crate) use flags::Flags;

/// Ask a video a question and get the exact moment.
///
/// Without a command, Timepin serves its page. Every setting can also stand in config.yaml or in a variable TIMEPIN_…;
/// `timepin config` shows what is in force and where it comes from.
#[derive(Debug, Parser)]
#[command(name = "timepin", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Settings.
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the page (the default)
    Serve,
    /// Ask a video file from the command line
    Ask(Ask),
    /// Say what happens in a file: chapters, or every scene
    Chapters(Chapters),
    /// Write down what is said in a file, as it is heard
    Transcribe(Transcribe),
    /// Say what is in a video file: container, tracks, and every frame's time
    Probe(Probe),
    /// Print the settings in force, as YAML, and where each comes from
    Config,
    /// Get a published model from a hub; the same command goes on after a cut
    Pull(Pull),
    /// List the models that are here, and whether each fits this device
    Models(Models),
    /// Measure this machine with this model on a video
    Bench(Bench),
    /// Say which graphics cards (and whether this machine) can run the model on a video, and what that takes
    Fit(Fit),
    /// Score answers as a published benchmark does, or ask the model and score it
    Eval(Eval),
    /// Run one request and write down everything the model computes
    Inspect(Inspect),
}

/// A question to a file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  timepin ask lecture.mp4 \"When is entropy defined?\"\n  timepin ask lecture.mp4 --json --questions questions.txt > answers.jsonl\n  timepin ask lecture.mp4 \"In which minute is entropy mentioned?\" --subtitles lecture.en.srt"
)]
pub(crate) struct Ask {
    /// The video; anything FFmpeg can read
    pub(crate) video: PathBuf,
    /// The question
    #[arg(required_unless_present_any = ["questions_given", "questions"])]
    pub(crate) question: Option<String>,
    /// A further question; may be given several times
    #[arg(long = "question", id = "questions_given", value_name = "QUESTION")]
    pub(crate) more: Vec<String>,
    /// A file with one question a line (- for standard input); the video is read once for all of them
    #[arg(long, value_name = "FILE")]
    pub(crate) questions: Option<PathBuf>,
    /// Subtitles of the video (SRT, WebVTT, ASS, TTML, JSON); may be given several times [default: files beside it with its
    /// name, such as lecture.zh.srt, else the tracks inside it]
    #[arg(long, value_name = "FILE")]
    pub(crate) subtitles: Vec<PathBuf>,
    /// Take no subtitles, not even those beside the video or inside it
    #[arg(long, conflicts_with = "subtitles")]
    pub(crate) no_subtitles: bool,
    /// Transcribe what is said and take that for subtitles; wants --speech-model
    #[arg(long, conflicts_with_all = ["subtitles", "no_subtitles"])]
    pub(crate) speech: bool,
    /// Seconds by which the subtitles are to come later; earlier when negative
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = offset)]
    pub(crate) subtitles_offset: Option<Timestamp>,
    /// The frame rate the subtitles were made for and that of the video, such as 25:23.976
    #[arg(long, value_name = "FROM:TO", value_parser = Retiming::rates)]
    pub(crate) subtitles_rate: Option<Retiming>,
    /// Print one JSON object per question: {question, answer, spans: [{start_us, end_us, text}], usage}, the subtitles
    /// found (evidence) if it asks where something is said, and the thought of a model that thinks
    #[arg(long)]
    pub(crate) json: bool,
    /// Print what a thinking model says to itself, on standard error
    #[arg(long)]
    pub(crate) show_thoughts: bool,
}

/// A file to look through.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  timepin chapters lecture.mp4 > chapters.txt\n  timepin chapters lecture.mp4 --scenes --language zh"
)]
pub(crate) struct Chapters {
    /// The video; anything FFmpeg can read
    pub(crate) video: PathBuf,
    /// The language of the titles: en or zh
    #[arg(long, default_value = "en", value_name = "LANGUAGE", value_parser = titles)]
    pub(crate) language: TitleLanguage,
    /// Print every scene with its beginning and end, not chapters
    #[arg(long)]
    pub(crate) scenes: bool,
    /// Print one JSON object: {scenes: [{span, title, novelty}], chapters: [{span, title}], …}, times in microseconds
    #[arg(long)]
    pub(crate) json: bool,
}

fn titles(text: &str) -> Result<TitleLanguage, String> {
    TitleLanguage::from_tag(text).ok_or_else(|| "give en or zh".to_owned())
}

/// A file to listen to.
#[derive(Debug, Args)]
#[command(
    after_help = "Wants a Whisper checkpoint: --speech-model, or speech_model in config.yaml. FFmpeg decodes the sound.\n\nExamples:\n  timepin pull openai/whisper-base\n  timepin transcribe lecture.mp4 --speech-model openai/whisper-base --format srt > lecture.en.srt"
)]
pub(crate) struct Transcribe {
    /// The video, or sound alone; anything FFmpeg can read
    pub(crate) file: PathBuf,
    /// The language spoken, such as en or zh [default: what the beginning sounds like]
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// srt, vtt, txt, or json, which has the moment of every word
    #[arg(long, default_value = "txt", value_parser = export)]
    pub(crate) format: Export,
}

fn export(text: &str) -> Result<Export, String> {
    let all = || Export::ALL.map(Export::ending).join(", ");
    Export::named(text).ok_or_else(|| format!("give one of {}", all()))
}

/// A file to look into.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads MP4, MOV, Matroska, WebM, AVI and MPEG-TS as the page does, without FFmpeg. Nothing is decoded.\n\nExamples:\n  timepin probe lecture.mkv\n  timepin probe lecture.mkv --json --frames > frames.json"
)]
pub(crate) struct Probe {
    /// The video
    pub(crate) video: PathBuf,
    /// List the frames of the video track in the order they are shown: {pts_us, duration_us, key, offset, size}
    #[arg(long)]
    pub(crate) frames: bool,
    /// Print one JSON object: {container, duration_us, origin_us, tracks, warnings, frames}
    #[arg(long)]
    pub(crate) json: bool,
}

/// A model to get.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  timepin pull Qwen/Qwen3-VL-4B-Instruct\n  timepin pull Qwen/Qwen3-VL-4B-Instruct-GGUF --file Q4_K_M\n\nThe folder of a model holds one choice: pulling another file or revision replaces it.\nHF_ENDPOINT names another hub or mirror; HF_TOKEN, or the file that `hf auth login` writes, opens gated models."
)]
pub(crate) struct Pull {
    /// The repository, such as Qwen/Qwen3-VL-2B-Instruct; @REVISION may follow
    #[arg(value_name = "OWNER/NAME")]
    pub(crate) repository: String,
    /// Branch, tag or commit [default: main]
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// The GGUF file: a part of its name, or a pattern such as *Q4_K_M*.gguf; its projector comes along
    #[arg(long, value_name = "PATTERN")]
    pub(crate) file: Option<String>,
    /// Print one JSON object at the end: {model, folder, commit, bytes}
    #[arg(long)]
    pub(crate) json: bool,
}

/// The models that are here.
#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Length of the video that each is judged by: whether model and video fit this device, with the settings in force
    #[arg(long, value_name = "MINUTES", default_value_t = f64::from(USUAL_MINUTES), value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Print a JSON list: [{name, state, bytes, total, parameters, precision, fit: {fits, missing, longest_minutes, precision}}]
    #[arg(long)]
    pub(crate) json: bool,
}

/// A measurement.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The video to measure with
    pub(crate) video: PathBuf,
    /// The question to ask
    #[arg(long, default_value = "List the events.")]
    pub(crate) question: String,
    /// How often it is asked, each time with its number before it so that no two are the same
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) times: u32,
    /// Tokens after which an answer is stopped
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) tokens: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which machine for which video.
#[derive(Debug, Args)]
#[command(
    after_help = "--model takes a folder, a pulled model, or a published size (2B, 4B, 8B, 32B, 30B-A3B, 235B-A22B), whose numbers are built in.\n\nExamples:\n  timepin fit --model 8B --minutes 60\n  timepin fit --model 30B-A3B --minutes 120 --fps 1 --gpu 4090D --gpu a100-80gb"
)]
pub(crate) struct Fit {
    /// Length of the video
    #[arg(long, value_name = "MINUTES", default_value_t = f64::from(USUAL_MINUTES), value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Frames a second to look at, however many that makes [default: the model's own plan]
    #[arg(long, value_name = "FPS", value_parser = fps)]
    pub(crate) fps: Option<f64>,
    /// A graphics card; may be given several times [default: all that are known]
    #[arg(long = "gpu", value_name = "NAME")]
    pub(crate) gpus: Vec<String>,
    /// Size of the video's frames
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1920x1080", value_parser = frame_size)]
    pub(crate) frame: (u32, u32),
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A benchmark.
#[derive(Debug, Args)]
#[command(
    after_help = "Benchmarks: charades-sta, activitynet-captions, timelens-bench, qvhighlights, vue-tr, tvgbench, plain.\nPredictions are the benchmark's own result files, or lines of {id, answer} or {id, windows: [[start, end]]}; an id is that of the\nannotations, in charades-sta and tvgbench the number of the line or entry from 0, in activitynet-captions and timelens-bench\nVIDEO.mp4>>>QUERY. plain annotations are\na list of {id, video, query, spans_us, duration_us}.\n\nExamples:\n  timepin eval qvhighlights highlight_val_release.jsonl --predictions submission.jsonl\n  timepin eval charades-sta charades_sta_test.txt --predictions mine.jsonl --videos Charades_v1 --model Qwen/Qwen3-VL-8B-Instruct"
)]
pub(crate) struct Eval {
    /// Which
    pub(crate) benchmark: eval::Benchmark,
    /// Its annotation file, as it is published
    pub(crate) annotations: PathBuf,
    /// What was found; with --videos also where answers are written, a line each, and where a run that was cut goes on
    #[arg(long, value_name = "FILE")]
    pub(crate) predictions: PathBuf,
    /// The benchmark's videos, anywhere below this folder: the model is asked what has no prediction yet
    #[arg(long, value_name = "FOLDER")]
    pub(crate) videos: Option<PathBuf>,
    /// How the model is asked; {} is the event
    #[arg(long, value_name = "TEXT", default_value = eval::answer::PROMPT)]
    pub(crate) prompt: String,
    /// How answers in words are read: strict (the sentence the prompt asks for), lenient (any times), or timelens (as TimeLens' harness)
    #[arg(long, default_value = "strict")]
    pub(crate) parser: eval::Parser,
    /// Only the first so many queries
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Print one JSON object: {benchmark, queries, missing, unparsed, metrics: [{name, value, unit}]}
    #[arg(long)]
    pub(crate) json: bool,
}

fn offset(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.abs() <= 86_400.0);
    seconds.map(Timestamp::from_seconds).ok_or_else(|| "give a number of seconds up to a day".to_owned())
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.01..=1440.0).contains(minutes));
    minutes.ok_or_else(|| "give a number of minutes up to 1440".to_owned())
}

fn fps(text: &str) -> Result<f64, String> {
    let fps = text.parse().ok().filter(|fps| (0.001..=60.0).contains(fps));
    fps.ok_or_else(|| "give a number of frames from 0.001 to 60".to_owned())
}

fn frame_size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or_else(|| "give a width and a height such as 1920x1080".to_owned())
}

/// A request to be run with everything written down.
#[derive(Debug, Args)]
#[command(
    after_help = "docs/inspect.md describes both files; training/compare.py compares the result with transformers."
)]
pub(crate) struct Inspect {
    /// Messages with texts, pictures and frames, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Where the tensors go, as safetensors
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Which tokens get logits
    #[arg(long, value_enum, default_value_t)]
    pub(crate) logits: Logits,
}

/// Which tokens get logits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Logits {
    /// Every token of the prompt
    #[default]
    All,
    /// The last token only
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_serves_by_default() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["timepin", "--address", "[::1]:1"]);
        assert!(cli.command.is_none() && cli.flags.address.as_deref() == Some("[::1]:1"));
        let cli = Cli::parse_from(["timepin", "ask", "a.mp4", "when?", "--json", "--enable-temporal-compression"]);
        assert_eq!(cli.flags.enable_temporal_compression.as_deref(), Some("true"));
        assert!(matches!(cli.command, Some(Command::Ask(ask)) if ask.json && ask.question.as_deref() == Some("when?")));
    }

    #[test]
    fn a_question_is_needed_one_way_or_another() {
        assert!(Cli::try_parse_from(["timepin", "ask", "a.mp4"]).is_err());
        assert!(Cli::try_parse_from(["timepin", "ask", "a.mp4", "--questions", "q.txt"]).is_ok());
        assert!(Cli::try_parse_from(["timepin", "ask", "a.mp4", "--question", "q?", "--question", "r?"]).is_ok());
    }

    #[test]
    fn subtitles_are_corrected_by_exact_times() {
        let cli = ["timepin", "ask", "a.mp4", "q?", "--subtitles-offset", "-1.25", "--subtitles-rate", "25:23.976"];
        let Some(Command::Ask(ask)) = Cli::parse_from(cli).command else { panic!("not ask") };
        assert_eq!(ask.subtitles_offset, Some(Timestamp::from_millis(-1_250)));
        assert_eq!(ask.subtitles_rate.map(|by| (by.above, by.below)), Some((1_001, 960)));
        assert!(Cli::try_parse_from(["timepin", "ask", "a.mp4", "q?", "--subtitles-rate", "25"]).is_err());
    }

    #[test]
    fn every_flag_is_a_setting() {
        let names: Vec<_> = Cli::command()
            .get_arguments()
            .filter_map(|a| a.get_long().map(|l| l.replace('-', "_")))
            .filter(|l| !matches!(l.as_str(), "config" | "help" | "version"))
            .collect();
        let known: Vec<_> = crate::config::SETTINGS.iter().map(|s| s.name.to_owned()).collect();
        assert_eq!(names, known);
    }
}
