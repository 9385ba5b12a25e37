//! The part of Redis's `cjson` that the scripts use, with its habits: an empty table is an object,
//! and slashes are escaped.

use std::fmt::Write as _;

use mlua::{Lua, Result, Table, Value};

use super::strings::number_text;

pub(super) fn library(lua: &Lua) -> Result<Table> {
    let library = lua.create_table()?;
    let decode = lua.create_function(|lua, text: mlua::String| {
        let json: serde_json::Value =
            serde_json::from_slice(&text.as_bytes()).map_err(mlua::Error::external)?;
        to_lua(lua, &json)
    })?;
    let encode = lua.create_function(|lua, value: Value| {
        let mut text = Vec::new();
        write(&value, &mut text)?;
        lua.create_string(text)
    })?;
    library.set("decode", decode)?;
    library.set("encode", encode)?;
    library.set("null", Value::NULL)?;
    Ok(library)
}

fn to_lua(lua: &Lua, json: &serde_json::Value) -> Result<Value> {
    Ok(match json {
        serde_json::Value::Null => Value::NULL,
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| to_lua(lua, item));
            Value::Table(lua.create_sequence_from(items.collect::<Result<Vec<_>>>()?)?)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, value) in fields {
                table.raw_set(name.as_str(), to_lua(lua, value)?)?;
            }
            Value::Table(table)
        }
    })
}

fn write(value: &Value, text: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Nil => text.extend_from_slice(b"null"),
        Value::LightUserData(_) => text.extend_from_slice(b"null"),
        Value::Boolean(flag) => text.extend_from_slice(flag.to_string().as_bytes()),
        Value::Integer(number) => text.extend_from_slice(number.to_string().as_bytes()),
        Value::Number(number) => text.extend_from_slice(number_text(*number).as_bytes()),
        Value::String(string) => write_string(&string.as_bytes(), text),
        Value::Table(table) if table.raw_len() > 0 => {
            text.push(b'[');
            for index in 1..=table.raw_len() {
                if index > 1 {
                    text.push(b',');
                }
                write(&table.raw_get(index)?, text)?;
            }
            text.push(b']');
        }
        Value::Table(table) => {
            text.push(b'{');
            let mut first = true;
            for pair in table.pairs::<mlua::String, Value>() {
                let (name, value) = pair?;
                if !first {
                    text.push(b',');
                }
                first = false;
                write_string(&name.as_bytes(), text);
                text.push(b':');
                write(&value, text)?;
            }
            text.push(b'}');
        }
        other => {
            let reason = format!("Cannot serialise {}", other.type_name());
            return Err(mlua::Error::runtime(reason));
        }
    }
    Ok(())
}

fn write_string(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' | b'/' => text.extend_from_slice(&[b'\\', *byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            8 => text.extend_from_slice(b"\\b"),
            12 => text.extend_from_slice(b"\\f"),
            0..32 | 127 => {
                let mut escape = String::new();
                let _ = write!(escape, "\\u{byte:04x}");
                text.extend_from_slice(escape.as_bytes());
            }
            _ => text.push(*byte),
        }
    }
    text.push(b'"');
}
