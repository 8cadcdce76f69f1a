//! What every target does with its bytes.

use std::io::Cursor;

/// Opens a film and uses it as the Worker does: an error or a movie, never a panic, never more memory than the file
/// justifies.
pub fn use_film(bytes: &[u8]) {
    let mut film = Cursor::new(bytes);
    let Ok(movie) = demux::open(&mut film) else { return };
    for track in movie.subtitles.iter().take(4) {
        let Ok(reading) = track.read(&mut film) else { continue };
        let cues = reading.transcript.cues;
        assert!(!cues.is_empty() && cues.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start));
        assert!(cues.iter().all(|cue| cue.span.start <= cue.span.end && !cue.text.is_empty()));
    }
    let Ok(track) = movie.video() else { return };
    let mut track = track.clone();
    track.shown_size();
    let _ = demux::verify_keys(&mut film, &mut track);
    let wanted: Vec<u32> = track.presented.iter().take(64).map(|frame| frame.sample).collect();
    for index in demux::feed::feed(&track, &wanted, |sample| sample % 3 != 0).into_iter().take(64) {
        let _ = track.read_sample(&mut film, index as usize);
    }
}

/// Opens a film for its sound and reads it as the Worker does, from the beginning and from the middle.
pub fn use_sound(bytes: &[u8]) {
    let mut film = Cursor::new(bytes);
    let Ok(track) = demux::open_sound(&mut film) else { return };
    assert!(!track.packets.is_empty() && !track.stretches.is_empty());
    let middle = track.packets[track.packets.len() / 2].at;
    let mut clock = demux::Continuity::new(&track);
    for first in [0, track.enter(middle)] {
        for packet in first..track.packets.len().min(first + 64) {
            if let Ok(bytes) = track.read_packet(&mut film, packet) {
                clock.breaks(packet, &bytes);
            }
            track.begins(packet);
        }
    }
}

/// A Matroska file with one subtitle track, or an MP4: `packing` chooses codec and compression, and every packet lies behind
/// a byte for its start, one for its length in time and one for its length in bytes.
pub fn with_packets(packing: u8, packets: &[u8]) -> Vec<u8> {
    let mut rest = packets;
    let mut list = Vec::new();
    while let [start, length, size, tail @ ..] = rest {
        let (packet, tail) = tail.split_at(tail.len().min((*size).into()));
        list.push((*start, *length, packet));
        rest = tail;
    }
    match packing % 10 {
        codec @ 0..=5 => matroska(codec, packing / 10, &list),
        entry => mp4([b"tx3g", b"text", b"wvtt", b"stpp"][usize::from(entry - 6)], &list),
    }
}

type Packet<'a> = (u8, u8, &'a [u8]);

fn matroska(codec: u8, compression: u8, packets: &[Packet<'_>]) -> Vec<u8> {
    let element =
        |id: &[u8], content: &[u8]| [id, &(content.len() as u64 | 1 << 56).to_be_bytes()[..], content].concat();
    let ids = ["S_TEXT/UTF8", "S_TEXT/ASS", "S_TEXT/WEBVTT", "D_WEBVTT/SUBTITLES", "S_TEXT/SSA", "S_HDMV/PGS"];
    let packing = match compression % 3 {
        0 => Vec::new(),
        1 => element(b"\x50\x34", &[]),
        _ => element(b"\x50\x34", &[element(b"\x42\x54", &[3]), element(b"\x42\x55", b"<i>")].concat()),
    };
    let encodings = element(b"\x6D\x80", &element(b"\x62\x40", &packing));
    let id = element(b"\x86", ids[usize::from(codec)].as_bytes());
    let entry = [element(b"\xD7", &[1]), element(b"\x83", &[17]), id, encodings].concat();
    let block = |&(start, length, bytes): &Packet<'_>| {
        let block = element(b"\xA1", &[&[0x81, 0, start, 0][..], bytes].concat());
        element(b"\xA0", &[block, element(b"\x9B", &[length])].concat())
    };
    let cluster = element(b"\x1F\x43\xB6\x75", &packets.iter().flat_map(block).collect::<Vec<_>>());
    let tracks = element(b"\x16\x54\xAE\x6B", &element(b"\xAE", &entry));
    [element(b"\x1A\x45\xDF\xA3", &[]), element(b"\x18\x53\x80\x67", &[tracks, cluster].concat())].concat()
}

fn mp4(codec: &[u8; 4], packets: &[Packet<'_>]) -> Vec<u8> {
    let boxed = |kind: &[u8], content: &[u8]| [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let count = packets.len() as u32;
    let lengths = packets.iter().flat_map(|packet| [1, packet.1.into()]).collect::<Vec<u32>>();
    let sizes = packets.iter().map(|packet| packet.2.len() as u32).collect::<Vec<_>>();
    let data = packets.iter().flat_map(|packet| packet.2.to_vec()).collect::<Vec<_>>();
    let entry = boxed(codec, &[0; 60]);
    let table = [
        boxed(b"stsd", &[words(&[0, 1]), entry].concat()),
        boxed(b"stts", &[words(&[0, count]), words(&lengths)].concat()),
        boxed(b"stsc", &words(&[0, 1, 1, count, 1])),
        boxed(b"stsz", &[words(&[0, 0, count]), words(&sizes)].concat()),
        boxed(b"stco", &words(&[0, 1, 16])),
    ];
    let media = [
        boxed(b"mdhd", &words(&[0, 0, 0, 10, 0, 0])),
        boxed(b"hdlr", &[&words(&[0, 0])[..], b"sbtl"].concat()),
        boxed(b"minf", &boxed(b"stbl", &table.concat())),
    ];
    let track = [boxed(b"tkhd", &words(&[0; 21])), boxed(b"mdia", &media.concat())].concat();
    [boxed(b"ftyp", &[]), boxed(b"mdat", &data), boxed(b"moov", &boxed(b"trak", &track))].concat()
}
