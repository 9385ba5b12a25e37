//! Lua 5.1 with `redis.call`, and the scripts that were loaded into it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Table, Value};
use store::RedisError;

use super::{Keyspace, Reply, cjson};

/// Changes the text of a script as it is loaded: how a deliberate bug gets in.
pub type Rewrite = Rc<dyn Fn(&str) -> String>;

/// Runs scripts on whatever keyspace it is given. One engine serves many simulations, for compiling
/// the scripts takes longer than most of them.
pub struct Engine {
    lua: Lua,
    keyspace: Rc<RefCell<Keyspace>>,
    compiled: RefCell<BTreeMap<String, Function>>,
    rewrite: Option<Rewrite>,
}

impl Engine {
    /// An engine that runs scripts as they are, or as `rewrite` makes them.
    ///
    /// # Panics
    /// When Lua has no memory.
    #[must_use]
    pub fn new(rewrite: Option<Rewrite>) -> Rc<Self> {
        let lua = Lua::new();
        let keyspace = Rc::new(RefCell::new(Keyspace::default()));
        install(&lua, &keyspace).expect("a Lua with redis.call");
        Rc::new(Self { lua, keyspace, compiled: RefCell::new(BTreeMap::new()), rewrite })
    }

    /// The digest by which Redis knows a script.
    #[must_use]
    pub fn digest(source: &[u8]) -> String {
        sha1_smol::Sha1::from(source).digest().to_string()
    }

    /// Compiles a script.
    ///
    /// # Errors
    /// When it is not Lua.
    pub fn load(&self, digest: &str, source: &str) -> Result<(), RedisError> {
        if self.compiled.borrow().contains_key(digest) {
            return Ok(());
        }
        let rewritten = self.rewrite.as_ref().map(|rewrite| rewrite(source));
        let chunk = self.lua.load(rewritten.as_deref().unwrap_or(source));
        let function = chunk
            .into_function()
            .map_err(|error| RedisError::Refused(format!("ERR Error compiling script: {error}")))?;
        self.compiled.borrow_mut().insert(digest.to_owned(), function);
        Ok(())
    }

    /// Runs a script that was loaded. What it did before an error stays done, as in Redis.
    ///
    /// # Errors
    /// When the script raises one.
    pub fn run(
        &self,
        digest: &str,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
        keyspace: &mut Keyspace,
    ) -> Result<Reply, RedisError> {
        keyspace.begin_script();
        let function = self.compiled.borrow().get(digest).cloned();
        let function = function.ok_or_else(|| {
            RedisError::Refused("NOSCRIPT No matching script. Please use EVAL.".to_owned())
        })?;
        self.keyspace.swap(&RefCell::new(std::mem::take(keyspace)));
        let result = self.call(&function, keys, arguments);
        *keyspace = self.keyspace.take();
        result.map_err(|error| RedisError::Refused(format!("ERR {error}")))
    }

    fn call(
        &self,
        function: &Function,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> mlua::Result<Reply> {
        let globals = self.lua.globals();
        globals.raw_set("KEYS", self.strings(keys)?)?;
        globals.raw_set("ARGV", self.strings(arguments)?)?;
        from_lua(&function.call::<Value>(())?)
    }

    fn strings(&self, strings: &[Vec<u8>]) -> mlua::Result<Table> {
        let strings = strings.iter().map(|bytes| self.lua.create_string(bytes));
        self.lua.create_sequence_from(strings.collect::<mlua::Result<Vec<_>>>()?)
    }
}

fn install(lua: &Lua, keyspace: &Rc<RefCell<Keyspace>>) -> mlua::Result<()> {
    let redis = lua.create_table()?;
    for (name, raises) in [("call", true), ("pcall", false)] {
        let keyspace = Rc::clone(keyspace);
        let function = lua.create_function(move |lua, values: MultiValue| {
            match (command(&mut keyspace.borrow_mut(), &values)?, raises) {
                (Ok(reply), _) => to_lua(lua, reply),
                (Err(reason), true) => Err(mlua::Error::runtime(reason)),
                (Err(reason), false) => {
                    let error = lua.create_table()?;
                    error.set("err", reason)?;
                    Ok(Value::Table(error))
                }
            }
        })?;
        redis.set(name, function)?;
    }
    let globals = lua.globals();
    globals.set("redis", redis)?;
    globals.set("cjson", cjson::library(lua)?)?;
    // As in Redis: a script that forgets `local` fails instead of leaking into the next.
    lua.load(
        "local allowed = { KEYS = true, ARGV = true }
         setmetatable(_G, {
           __newindex = function(_, name)
             error('Attempt to modify a readonly table: ' .. tostring(name), 2)
           end,
           __index = function(_, name)
             if not allowed[name] then
               error('Script attempted to access nonexistent global variable ' .. tostring(name), 2)
             end
           end,
         })",
    )
    .exec()
}

/// Carries out what a script calls.
fn command(keyspace: &mut Keyspace, values: &MultiValue) -> mlua::Result<Result<Reply, String>> {
    let mut words = values.iter().map(word).collect::<mlua::Result<Vec<_>>>()?;
    if words.is_empty() {
        return Err(mlua::Error::runtime("ERR redis.call without a command"));
    }
    let name = String::from_utf8_lossy(&words.remove(0)).into_owned();
    Ok(keyspace.command(&name, &words))
}

/// An argument of `redis.call` as Redis takes it.
fn word(value: &Value) -> mlua::Result<Vec<u8>> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Integer(number) => Ok(number.to_string().into_bytes()),
        Value::Number(number) => Ok(super::strings::number_text(*number).into_bytes()),
        _ => Err(mlua::Error::runtime(
            "ERR Lua redis lib command arguments must be strings or integers",
        )),
    }
}

fn to_lua(lua: &Lua, reply: Reply) -> mlua::Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        #[allow(clippy::cast_precision_loss, reason = "as Redis does")]
        Reply::Int(number) => Value::Number(number as f64),
        Reply::Bulk(bytes) => Value::String(lua.create_string(bytes)?),
        Reply::Status(text) => {
            let table = lua.create_table()?;
            table.set("ok", text)?;
            Value::Table(table)
        }
        Reply::Array(items) => {
            let items = items.into_iter().map(|item| to_lua(lua, item));
            Value::Table(lua.create_sequence_from(items.collect::<mlua::Result<Vec<_>>>()?)?)
        }
    })
}

/// A script's answer as a client gets it.
fn from_lua(value: &Value) -> mlua::Result<Reply> {
    Ok(match value {
        Value::String(text) => Reply::Bulk(text.as_bytes().to_vec()),
        Value::Integer(number) => Reply::Int(*number),
        #[allow(clippy::cast_possible_truncation, reason = "as Redis does")]
        Value::Number(number) => Reply::Int(*number as i64),
        Value::Boolean(true) => Reply::Int(1),
        Value::Table(table) => {
            if let Value::String(text) = table.raw_get::<Value>("ok")? {
                return Ok(Reply::Bulk(text.as_bytes().to_vec()));
            }
            let mut items = Vec::new();
            for index in 1.. {
                match table.raw_get::<Value>(index)? {
                    // A table ends at its first hole.
                    Value::Nil => break,
                    item => items.push(from_lua(&item)?),
                }
            }
            Reply::Array(items)
        }
        _ => Reply::Nil,
    })
}
