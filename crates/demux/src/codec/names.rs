//! Names for people, by the four characters of a codec.

/// Four characters.
pub(crate) type Fourcc = [u8; 4];

/// By `objectTypeIndication` (ISO/IEC 14496-1).
pub(crate) fn object_name(object: u8) -> &'static str {
    match object {
        0x20 => "MPEG-4 Visual",
        0x60..=0x65 => "MPEG-2",
        0x6A => "MPEG-1",
        0x6C => "Motion JPEG",
        0x6D => "PNG",
        _ => "MPEG-4 systems video",
    }
}

/// Of MP4 and QuickTime.
pub(crate) fn picture_name(fourcc: Fourcc) -> Option<&'static str> {
    Some(match &fourcc {
        b"avc1" | b"avc3" | b"dva1" | b"dvav" => "H.264",
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "HEVC (H.265)",
        b"vvc1" | b"vvi1" => "VVC (H.266)",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"av01" => "AV1",
        b"mp4v" => "MPEG-4 Visual",
        b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" | b"AVDJ" => "Motion JPEG",
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes",
        b"AVdn" | b"AVdh" => "DNxHD",
        b"CFHD" => "CineForm",
        b"h263" | b"s263" => "H.263",
        b"SVQ1" | b"SVQ3" => "Sorenson Video",
        b"png " | b"MPNG" => "PNG",
        b"rle " => "QuickTime Animation",
        b"m1v " => "MPEG-1",
        b"m2v1" | b"mx5p" | b"hdv1" | b"hdv2" | b"hdv3" => "MPEG-2",
        b"dvc " | b"dvcp" | b"dvpp" | b"dv5n" | b"dvh5" | b"dvh6" => "DV",
        _ => return None,
    })
}

/// Of MP4 and QuickTime.
pub(crate) fn sound_name(fourcc: Fourcc) -> Option<&'static str> {
    Some(match &fourcc {
        b"mp4a" => "AAC",
        b"Opus" => "Opus",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"alac" => "ALAC",
        b"fLaC" => "FLAC",
        b"sowt" | b"twos" | b"lpcm" | b"in24" | b"in32" | b"fl32" | b"ipcm" | b"fpcm" => "PCM",
        _ => return None,
    })
}
