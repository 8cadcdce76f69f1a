//! Lines out of chunks: a chunk may end anywhere, a line is whole.

use serde::de::DeserializeOwned;

/// Collects chunks and gives back whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    rest: String,
}

impl Lines {
    /// Takes a chunk; gives the events of all lines that are whole now. Lines that are no event of this version are
    /// passed over, so that a later server may say more than this page understands.
    pub fn push<T: DeserializeOwned>(&mut self, chunk: &str) -> Vec<T> {
        self.rest.push_str(chunk);
        let mut events = Vec::new();
        while let Some((line, rest)) = self.rest.split_once('\n') {
            events.extend(serde_json::from_str(line.trim()).ok());
            self.rest = rest.to_owned();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_chunks_fall() {
        let text = "{\"a\":\"红\"}\n\n{\"a\":\"b\"}\nnot json\n{\"a\":\"c\"}\n{\"a\":";
        let expected: Vec<serde_json::Value> =
            ["红", "b", "c"].iter().map(|value| serde_json::json!({ "a": value })).collect();
        for size in 1..8 {
            let mut lines = Lines::default();
            let characters: Vec<char> = text.chars().collect();
            let events: Vec<serde_json::Value> = characters
                .chunks(size)
                .flat_map(|chunk| lines.push::<serde_json::Value>(&chunk.iter().collect::<String>()))
                .collect();
            assert_eq!(events, expected);
        }
    }
}
