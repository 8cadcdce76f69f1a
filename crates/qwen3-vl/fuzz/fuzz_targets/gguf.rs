//! Any bytes as the beginning of a GGUF, where its header is: an error or a model, never a panic, never more memory than the
//! file justifies. The first byte says which file is changed, the text model's or the projector's.
#![no_main]

mod golden;

use std::sync::LazyLock;

use golden::{Golden, with_beginning};

const NAMES: [&str; 2] = ["tiny-Q4_K_M.gguf", "mmproj-tiny-F16.gguf"];

static MODEL: LazyLock<(Golden, [Vec<u8>; 2])> = LazyLock::new(|| {
    let golden = Golden::copy("gguf");
    let whole = NAMES.map(|name| std::fs::read(golden.file(name)).expect("its weights"));
    (golden, whole)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (golden, whole) = &*MODEL;
    let [which, bytes @ ..] = bytes else { return };
    let which = usize::from(which % 2);
    std::fs::write(golden.file(NAMES[which]), with_beginning(bytes, &whole[which])).expect("a file");
    golden.load();
    // The other file is changed next time.
    std::fs::write(golden.file(NAMES[which]), &whole[which]).expect("a file");
});
