//! Any bytes: an error with a line or a transcript in order, never a panic; what was read can be written, cut and searched.
#![no_main]

use timeline::cues::{self, Export, search::Lexicon, windows};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (name, bytes) = input;
    if let Ok(reading) = cues::read(bytes, name) {
        let own = &reading.transcript.cues;
        assert!(own.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start));
        assert!(own.iter().all(|cue| cue.span.start <= cue.span.end && !cue.text.is_empty()));
        for export in Export::ALL {
            cues::export::write(&reading.transcript, export);
        }
        windows::pieces(own);
        Lexicon::new(own).find(name, 10);
    }
    cues::asked::mentioned(name);
});
