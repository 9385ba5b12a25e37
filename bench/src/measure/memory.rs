//! What ended tasks take of Redis: every key, by what it is for, as Redis itself reckons it.

use anyhow::ensure;

use crate::lab::Lab;
use crate::native;
use crate::options::Options;
use crate::report::Report;

const SECTION: &str = "Redis memory of an ended task (3 nodes, a group of its own)";

/// Sums up `MEMORY USAGE` of all keys by their kind, which is what stands between the prefix and the
/// next colon. It leaves out Redis's own tables of keys and of their times to live.
const BY_KIND: &str = "\
local bytes, kinds = {}, {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind = key:sub(#ARGV[1] + 1):match('^[^:]*')
  bytes[kind] = (bytes[kind] or 0) + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0)
end
for kind, sum in pairs(bytes) do kinds[#kinds + 1] = kind .. ' ' .. sum end
return kinds";

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let tasks = options.pick(10_000, 50);
    let lab = Lab::new(options, 3)?;
    let before = lab.info("used_memory")?;
    lab.accept(tasks)?;
    native::drain(lab.redis.port(), lab.limits())?;
    ensure!(lab.all_succeeded(tasks)?, "not every task was a success");
    let used = lab.info("used_memory")? - before;
    let mut kinds: Vec<(String, f64)> = Vec::new();
    for line in lab.client.eval::<Vec<String>>(BY_KIND, &[store::PREFIX])? {
        let Some((kind, bytes)) = line.split_once(' ') else { continue };
        kinds.push((kind.to_owned(), bytes.parse()?));
    }
    kinds.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    #[allow(clippy::cast_precision_loss, reason = "there are not that many")]
    let each = |bytes: f64| bytes / tasks as f64;
    let total: f64 = kinds.iter().map(|(_, bytes)| bytes).sum();
    report.add(SECTION, format!("all keys, after {tasks} tasks"), "B", each(total));
    for (kind, bytes) in kinds.into_iter().filter(|(_, bytes)| each(*bytes) >= 1.0) {
        report.add(SECTION, format!("`{kind}`"), "B", each(bytes));
    }
    report.add(SECTION, "used_memory, Redis's own tables included", "B", each(used));
    Ok(())
}
