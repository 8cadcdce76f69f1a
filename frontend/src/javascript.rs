//! Small bridges to JavaScript values.

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;

/// What a thrown value says, for a message.
pub(crate) fn said(thrown: &JsValue) -> String {
    let field = |name: &str| Reflect::get(thrown, &name.into()).ok().and_then(|v| v.as_string());
    match (field("name"), field("message")) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (None, Some(message)) => message,
        _ => thrown.as_string().unwrap_or_else(|| "an unnamed error".to_owned()),
    }
}

/// A plain object from its fields.
pub(crate) fn object(fields: &[(&str, &JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

/// Sets a field of an object; ours are plain or ordinary, so it cannot fail.
pub(crate) fn set(object: &JsValue, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

/// Reads a field; `undefined` where there is none.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
