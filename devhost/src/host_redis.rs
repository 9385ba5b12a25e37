//! `fermyon:spin/redis`: a connection for each `open`, answers flattened as Spin flattens them.

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Value};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use crate::instance::Instance;

/// `redis.error`
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "invalid-address")]
    InvalidAddress,
    #[component(name = "too-many-connections")]
    TooManyConnections,
    #[component(name = "type-error")]
    WrongType,
    #[component(name = "other")]
    Other(String),
}

/// `redis.redis-parameter`
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Parameter {
    #[component(name = "int64")]
    Int64(i64),
    #[component(name = "binary")]
    Binary(Vec<u8>),
}

/// `redis.redis-result`
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(variant)]
enum Answer {
    #[component(name = "nil")]
    Nil,
    #[component(name = "status")]
    Status(String),
    #[component(name = "int64")]
    Int64(i64),
    #[component(name = "binary")]
    Binary(Vec<u8>),
}

/// The resource `redis.connection`.
struct Connection(MultiplexedConnection);

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Defines a method of the connection: its arguments, and what it does on the connection.
macro_rules! method {
    ($interface:ident, $name:literal, |$redis:ident, $($argument:ident: $type:ty),+| $answer:expr) => {
        $interface.func_wrap_async(
            concat!("[method]connection.", $name),
            |store, (connection, $($argument),+): (Resource<Connection>, $($type),+)| {
                Box::new(async move {
                    let mut $redis = store.data().table.get(&connection)?.0.clone();
                    let answer: Result<_, Error> = async move { Ok($answer) }.await;
                    Ok((answer,))
                })
            },
        )?
    };
}

/// Gives components the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> Result<()> {
    let mut redis = linker.instance("fermyon:spin/redis@2.0.0")?;
    redis.resource("connection", ResourceType::host::<Connection>(), |mut store, id| {
        let connection = Resource::<Connection>::new_own(id);
        store.data_mut().table.delete(connection)?;
        Ok(())
    })?;
    redis.func_wrap_async("[static]connection.open", |store, (address,): (String,)| {
        Box::new(async move { Ok((open(store, &address).await?,)) })
    })?;

    method!(redis, "publish", |redis, channel: String, payload: Vec<u8>| {
        redis.publish::<_, _, ()>(channel, payload).await?
    });
    method!(redis, "get", |redis, key: String| redis.get::<_, Option<Vec<u8>>>(key).await?);
    method!(redis, "set", |redis, key: String, value: Vec<u8>| {
        redis.set::<_, _, ()>(key, value).await?
    });
    method!(redis, "incr", |redis, key: String| redis.incr::<_, _, i64>(key, 1).await?);
    method!(redis, "del", |redis, keys: Vec<String>| redis.del::<_, u32>(keys).await?);
    method!(redis, "sadd", |redis, key: String, values: Vec<String>| {
        redis.sadd::<_, _, u32>(key, values).await.map_err(|error| match error.kind() {
            redis::ErrorKind::TypeError => Error::WrongType,
            _ => error.into(),
        })?
    });
    method!(redis, "smembers", |redis, key: String| redis.smembers::<_, Vec<String>>(key).await?);
    method!(redis, "srem", |redis, key: String, values: Vec<String>| {
        redis.srem::<_, _, u32>(key, values).await?
    });
    method!(redis, "execute", |redis, command: String, arguments: Vec<Parameter>| {
        execute(&mut redis, &command, arguments).await?
    });
    Ok(())
}

async fn open(
    mut store: StoreContextMut<'_, Instance>,
    address: &str,
) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
    if !store.data().settings.may_call(address, "redis") {
        return Ok(Err(Error::InvalidAddress));
    }
    let Ok(client) = redis::Client::open(address) else {
        return Ok(Err(Error::InvalidAddress));
    };
    match client.get_multiplexed_async_connection().await {
        Ok(connection) => Ok(Ok(store.data_mut().table.push(Connection(connection))?)),
        Err(error) => Ok(Err(error.into())),
    }
}

async fn execute(
    redis: &mut MultiplexedConnection,
    command: &str,
    arguments: Vec<Parameter>,
) -> Result<Vec<Answer>, Error> {
    let mut command = redis::cmd(command);
    for argument in arguments {
        match argument {
            Parameter::Int64(number) => command.arg(number),
            Parameter::Binary(bytes) => command.arg(bytes),
        };
    }
    let mut answers = Vec::new();
    flatten(command.query_async(redis).await?, &mut answers)?;
    Ok(answers)
}

/// Appends an answer to a list; lists in lists become one.
fn flatten(value: Value, answers: &mut Vec<Answer>) -> Result<(), Error> {
    answers.push(match value {
        Value::Nil => Answer::Nil,
        Value::Int(number) => Answer::Int64(number),
        Value::Boolean(truth) => Answer::Int64(truth.into()),
        Value::Okay => Answer::Status("OK".to_owned()),
        Value::SimpleString(text) => Answer::Status(text),
        Value::BulkString(bytes) => Answer::Binary(bytes),
        Value::Double(number) => Answer::Binary(number.to_string().into_bytes()),
        Value::Array(values) | Value::Set(values) => {
            return values.into_iter().try_for_each(|value| flatten(value, answers));
        }
        Value::ServerError(error) => {
            return Err(redis::RedisError::from(error).into());
        }
        other => {
            return Err(Error::Other(format!(
                "Spin cannot hand over this Redis answer: {other:?}"
            )));
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: Value) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::new();
        flatten(value, &mut answers).map(|()| answers)
    }

    #[test]
    fn lists_in_lists_become_one() {
        let bytes = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let nested = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![Value::Int(2), bytes("x")]),
            Value::Nil,
            Value::Array(vec![]),
            Value::Okay,
        ]);
        assert_eq!(
            flat(nested),
            Ok(vec![
                Answer::Int64(1),
                Answer::Int64(2),
                Answer::Binary(b"x".to_vec()),
                Answer::Nil,
                Answer::Status("OK".to_owned()),
            ])
        );
    }

    #[test]
    fn single_answers_are_lists_of_one() {
        assert_eq!(flat(Value::Nil), Ok(vec![Answer::Nil]));
        assert_eq!(
            flat(Value::SimpleString("PONG".to_owned())),
            Ok(vec![Answer::Status("PONG".to_owned())])
        );
        assert_eq!(flat(Value::Boolean(true)), Ok(vec![Answer::Int64(1)]));
        assert_eq!(flat(Value::Double(1.5)), Ok(vec![Answer::Binary(b"1.5".to_vec())]));
    }

    #[test]
    fn maps_are_errors() {
        assert!(matches!(flat(Value::Map(vec![])), Err(Error::Other(_))));
    }
}
