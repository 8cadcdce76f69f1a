//! A table of sentences becomes a struct with one constant for each language.

macro_rules! messages {
    ($($name:ident { $en:literal $zh:literal })*) => {
        /// The page's sentences in one language.
        #[expect(missing_docs, reason = "the English sentence is the documentation")]
        #[derive(Debug)]
        pub struct Messages { $(pub $name: &'static str,)* }

        impl Messages {
            /// English.
            pub const EN: Self = Self { $($name: $en,)* };
            /// Simplified Chinese.
            pub const ZH: Self = Self { $($name: $zh,)* };

            #[cfg(test)]
            fn table() -> Vec<(&'static str, &'static str, &'static str)> {
                vec![$((stringify!($name), $en, $zh),)*]
            }
        }
    };
}

pub(super) use messages;
