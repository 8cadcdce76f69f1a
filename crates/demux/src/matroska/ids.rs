//! Element IDs (RFC 9559), those that are read.

pub(super) const EBML: u32 = 0x1A45_DFA3;
pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114D_9B74;
pub(super) const SEEK: u32 = 0x4DBB;
pub(super) const SEEK_ID: u32 = 0x53AB;
pub(super) const SEEK_POSITION: u32 = 0x53AC;
pub(super) const INFO: u32 = 0x1549_A966;
pub(super) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const TRACKS: u32 = 0x1654_AE6B;
pub(super) const CLUSTER: u32 = 0x1F43_B675;
pub(super) const CUES: u32 = 0x1C53_BB6B;
pub(super) const CHAPTERS: u32 = 0x1043_A770;
pub(super) const TAGS: u32 = 0x1254_C367;
pub(super) const ATTACHMENTS: u32 = 0x1941_A469;

pub(super) const TIMESTAMP: u32 = 0xE7;
pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
pub(super) const BLOCK_GROUP: u32 = 0xA0;
pub(super) const BLOCK: u32 = 0xA1;
pub(super) const ENCRYPTED_BLOCK: u32 = 0xAF;
pub(super) const BLOCK_DURATION: u32 = 0x9B;
pub(super) const REFERENCE_BLOCK: u32 = 0xFB;

pub(super) const TRACK_ENTRY: u32 = 0xAE;
pub(super) const TRACK_NUMBER: u32 = 0xD7;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const FLAG_DEFAULT: u32 = 0x88;
pub(super) const FLAG_ENABLED: u32 = 0xB9;
pub(super) const FLAG_FORCED: u32 = 0x55AA;
pub(super) const NAME: u32 = 0x536E;
pub(super) const LANGUAGE: u32 = 0x22_B59C;
pub(super) const LANGUAGE_BCP47: u32 = 0x22_B59D;
pub(super) const DEFAULT_DURATION: u32 = 0x23_E383;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63A2;
pub(super) const CONTENT_ENCODINGS: u32 = 0x6D80;
pub(super) const CONTENT_ENCODING: u32 = 0x6240;
pub(super) const ENCODING_SCOPE: u32 = 0x5032;
pub(super) const ENCODING_TYPE: u32 = 0x5033;
pub(super) const ENCRYPTION: u32 = 0x5035;
pub(super) const ENCRYPTION_ALGORITHM: u32 = 0x47E1;
pub(super) const COMPRESSION: u32 = 0x5034;
pub(super) const COMPRESSION_ALGORITHM: u32 = 0x4254;
pub(super) const COMPRESSION_SETTINGS: u32 = 0x4255;

pub(super) const CODEC_DELAY: u32 = 0x56AA;
pub(super) const AUDIO: u32 = 0xE1;
pub(super) const SAMPLING_FREQUENCY: u32 = 0xB5;
pub(super) const CHANNELS: u32 = 0x9F;
pub(super) const BIT_DEPTH: u32 = 0x6264;

pub(super) const VIDEO: u32 = 0xE0;
pub(super) const PIXEL_WIDTH: u32 = 0xB0;
pub(super) const PIXEL_HEIGHT: u32 = 0xBA;
pub(super) const DISPLAY_WIDTH: u32 = 0x54B0;
pub(super) const DISPLAY_HEIGHT: u32 = 0x54BA;
pub(super) const DISPLAY_UNIT: u32 = 0x54B2;
pub(super) const CROP_BOTTOM: u32 = 0x54AA;
pub(super) const CROP_TOP: u32 = 0x54BB;
pub(super) const CROP_LEFT: u32 = 0x54CC;
pub(super) const CROP_RIGHT: u32 = 0x54DD;
pub(super) const COLOUR: u32 = 0x55B0;
pub(super) const MATRIX: u32 = 0x55B1;
pub(super) const RANGE: u32 = 0x55B9;
pub(super) const TRANSFER: u32 = 0x55BA;
pub(super) const PRIMARIES: u32 = 0x55BB;
pub(super) const PROJECTION: u32 = 0x7670;
pub(super) const POSE_YAW: u32 = 0x7673;
pub(super) const POSE_ROLL: u32 = 0x7675;

/// Whether an element stands directly in a segment, and so ends a cluster of unknown size.
pub(super) const fn is_top(id: u32) -> bool {
    matches!(id, SEEK_HEAD | INFO | TRACKS | CLUSTER | CUES | CHAPTERS | TAGS | ATTACHMENTS | SEGMENT | EBML)
}

/// Whether an element may stand in a cluster or a segment and can be passed over: position, previous size, void, CRC.
pub(super) const fn is_passed_over(id: u32) -> bool {
    matches!(id, 0xA7 | 0xAB | 0xEC | 0xBF | 0x5854 | ENCRYPTED_BLOCK)
}

/// Its name in messages.
pub(super) const fn name(id: u32) -> &'static str {
    match id {
        EBML => "EBML",
        SEGMENT => "Segment",
        SEEK_HEAD => "SeekHead",
        INFO => "Info",
        TRACKS => "Tracks",
        CLUSTER => "Cluster",
        CUES => "Cues",
        CHAPTERS => "Chapters",
        TAGS => "Tags",
        ATTACHMENTS => "Attachments",
        SIMPLE_BLOCK => "SimpleBlock",
        BLOCK_GROUP => "BlockGroup",
        BLOCK => "Block",
        TRACK_ENTRY => "TrackEntry",
        _ => "element",
    }
}
