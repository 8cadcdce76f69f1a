//! The checkpoint's chat template, rendered as `apply_chat_template` of transformers does: Jinja with `trim_blocks` and
//! `lstrip_blocks`, Python string methods, `raise_exception` and `strftime_now`.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error as JinjaError, ErrorKind, Value as Jinja, context};
use serde_json::Value;

use crate::config::{read_json, read_text};
use crate::error::{Error, Result};

const NAME: &str = "chat";

/// A compiled chat template.
#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
}

/// A message as templates expect it.
#[derive(Debug)]
pub(crate) struct TemplateMessage {
    pub(crate) role: String,
    pub(crate) content: Vec<TemplatePart>,
}

/// A part of a message as templates expect it: `{"type": "text", "text": …}`, `{"type": "image", "image": ""}` …
#[derive(Debug)]
pub(crate) enum TemplatePart {
    Text(String),
    Image,
    Video,
}

impl TemplatePart {
    fn value(&self) -> Jinja {
        let (kind, content) = match self {
            Self::Text(text) => ("text", text.as_str()),
            Self::Image => ("image", ""),
            Self::Video => ("video", ""),
        };
        Jinja::from_pairs([("type", kind), (kind, content)])
    }
}

fn raise(message: String) -> std::result::Result<String, JinjaError> {
    Err(JinjaError::new(ErrorKind::InvalidOperation, message))
}

/// Templates of published models use the date in tool prompts only; a fixed one keeps prompts reproducible.
fn strftime_now(_format: String) -> String {
    "2025-01-01".into()
}

fn wrap(error: JinjaError) -> Error {
    Error::Template(format!("{error:#}"))
}

impl ChatTemplate {
    /// Reads `chat_template.jinja`, `chat_template.json` or the template in `tokenizer_config.json`.
    ///
    /// # Errors
    /// No template, or one that does not parse.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        Self::find(dir)?.ok_or_else(|| {
            Error::Template("the model folder has no chat_template.jinja, and no other file holds a template".into())
        })
    }

    /// As [`read`](Self::read), nothing where no file holds a template.
    pub(crate) fn find(dir: &Path) -> Result<Option<Self>> {
        let jinja = dir.join("chat_template.jinja");
        if jinja.exists() {
            return Self::parse(read_text(&jinja)?).map(Some);
        }
        for name in ["chat_template.json", "tokenizer_config.json"] {
            let path = dir.join(name);
            if path.exists() {
                let file: Value = read_json(&path)?;
                if let Some(source) = file.get("chat_template").and_then(source_of) {
                    return Self::parse(source).map(Some);
                }
            }
        }
        Ok(None)
    }

    pub(crate) fn parse(source: String) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(wrap)?;
        environment.set_syntax(syntax);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise);
        environment.add_function("strftime_now", strftime_now);
        environment.add_template_owned(NAME, source).map_err(wrap)?;
        Ok(Self { environment })
    }

    pub(crate) fn render(&self, messages: &[TemplateMessage], add_generation_prompt: bool) -> Result<String> {
        let template = self.environment.get_template(NAME).map_err(wrap)?;
        let messages: Vec<Jinja> = messages
            .iter()
            .map(|m| context! { role => &m.role, content => m.content.iter().map(TemplatePart::value).collect::<Vec<_>>() })
            .collect();
        template.render(context! { messages, add_generation_prompt }).map_err(wrap)
    }
}

/// A template, or the one named `default` of a list of them.
fn source_of(value: &Value) -> Option<String> {
    match value {
        Value::String(source) => Some(source.clone()),
        Value::Array(named) => {
            let default = named.iter().find(|t| t.get("name").and_then(Value::as_str) == Some("default"))?;
            Some(default.get("template")?.as_str()?.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_methods_and_block_trimming_work() -> Result<()> {
        let source = "{%- for m in messages %}\n    {%- if m.role.startswith('u') %}\n<{{ m.role }}>\n    {% for p in \
                      m.content if 'text' in p %}\n{{ p.text.strip() }}\n    {% endfor %}\n    {%- endif %}\n{%- endfor %}";
        let template = ChatTemplate::parse(source.into())?;
        let content = vec![TemplatePart::Text("  when? ".into())];
        let text = template.render(&[TemplateMessage { role: "user".into(), content }], true)?;
        assert_eq!(text, "<user>\nwhen?\n");
        Ok(())
    }

    #[test]
    fn a_template_that_refuses_says_why() -> Result<()> {
        let template = ChatTemplate::parse("{{ raise_exception('no tools here') }}".into())?;
        let Err(error) = template.render(&[], true) else { return Err(Error::Template("rendered".into())) };
        assert!(error.to_string().contains("no tools here"));
        Ok(())
    }
}
