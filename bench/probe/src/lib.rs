//! The least that a component can do on a host, to compare the API with: answer at once, open a
//! Redis connection first, or run one trivial script on it as well: one that does nothing, and one
//! that writes and publishes, as whatever accepts a task must. For `cargo xtask bench` alone.

use anyhow::bail;
use spin_sdk::http::{Request, Response};
use spin_sdk::http_component;
use spin_sdk::redis::{Connection, RedisParameter};
use spin_sdk::variables;

const NOTHING: &str = "return 1";
const PUSH: &str = "redis.call('RPUSH', 'probe:list', 'task') redis.call('INCR', 'probe:count') \
                    redis.call('PUBLISH', 'probe:wake', 'wake') return 1";

#[http_component]
fn handle(request: Request) -> anyhow::Result<Response> {
    match request.path() {
        "/probe/empty" => {}
        "/probe/connect" => {
            open()?;
        }
        "/probe/nothing" => eval(NOTHING)?,
        "/probe/eval" => eval(PUSH)?,
        other => bail!("no such probe: {other}"),
    }
    Ok(Response::new(202, "{}"))
}

fn eval(script: &str) -> anyhow::Result<()> {
    let arguments = [script.as_bytes().to_vec(), b"0".to_vec()].map(RedisParameter::Binary);
    match open()?.execute("EVAL", &arguments) {
        Ok(_) => Ok(()),
        Err(error) => bail!("EVAL: {error:?}"),
    }
}

fn open() -> anyhow::Result<Connection> {
    let port = variables::get("redis_port")?;
    match Connection::open(&format!("redis://127.0.0.1:{port}/0")) {
        Ok(connection) => Ok(connection),
        Err(error) => bail!("no connection: {error:?}"),
    }
}
