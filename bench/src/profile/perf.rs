//! `perf`: records what a process does, stack by stack.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use tempfile::NamedTempFile;

use crate::profile::frame::Frame;

/// Samples a second; no round number, so as not to keep step with a timer.
const FREQUENCY: &str = "1499";

/// How `perf` finds out who called whom.
#[derive(Clone, Copy)]
pub(crate) enum Unwinding {
    /// The only way through the code of components.
    FramePointers,
    /// For a program that was built without frame pointers.
    DebugInformation,
}

/// What a process did at one moment.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    /// The processor time it stands for, in nanoseconds.
    pub(crate) ns: u64,
    /// The stack, outermost frame first.
    pub(crate) stack: Vec<Frame>,
}

/// A recording under way. It ends with the process, if not before.
pub(crate) struct Recording {
    perf: Child,
    answers: BufReader<ChildStdout>,
    file: NamedTempFile,
}

/// A recording that has ended.
pub(crate) struct Recorded(NamedTempFile);

impl Recording {
    /// Records a process from now on.
    pub(crate) fn start(process: u32, unwinding: Unwinding) -> anyhow::Result<Self> {
        let file = NamedTempFile::new()?;
        let mut command = Command::new("perf");
        // A clock of the kernel's, which virtual machines have too.
        command.args(["record", "--quiet", "-e", "cpu-clock", "-F", FREQUENCY, "--call-graph"]);
        command.arg(match unwinding {
            Unwinding::FramePointers => "fp",
            // With so many bytes of the stack copied for each sample.
            Unwinding::DebugInformation => "dwarf,8192",
        });
        // It begins and ends when told to, through its standard input and output.
        command.args(["--delay", "-1", "--control", "fd:0,1"]);
        command.args(["-p", &process.to_string(), "-o"]).arg(file.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut perf = command.spawn().context("cannot start `perf`")?;
        let answers = BufReader::new(perf.stdout.take().context("no output")?);
        let mut recording = Self { perf, answers, file };
        recording.order("enable")?;
        Ok(recording)
    }

    pub(crate) fn stop(mut self) -> anyhow::Result<Recorded> {
        self.order("stop")?;
        let status = self.perf.wait()?;
        ensure!(status.success(), "perf record failed ({status})");
        Ok(Recorded(self.file))
    }

    fn order(&mut self, order: &str) -> anyhow::Result<()> {
        let input = self.perf.stdin.as_mut().context("no input")?;
        // What `perf` says of a refusal stands on the terminal by then.
        writeln!(input, "{order}").context("perf cannot record")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        // Answers end with a zero byte, which comes with the next line.
        if answer.trim_matches(['\0', '\n']) != "ack" {
            bail!("perf cannot record");
        }
        Ok(())
    }
}

impl Recorded {
    /// What was recorded. The process must still be there: names are read from it.
    pub(crate) fn samples(&self) -> anyhow::Result<Vec<Sample>> {
        let mut command = Command::new("perf");
        // Names are made readable here; to look up what was inlined would take minutes.
        command.args(["script", "--no-inline", "--no-demangle", "-F", "period,ip,sym,dso", "-i"]);
        let output = command.arg(self.0.path()).stderr(Stdio::null()).output()?;
        ensure!(output.status.success(), "perf script failed ({})", output.status);
        read(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Reads what `perf script` prints: for each sample a line with its period, then the frames, innermost
/// first, then an empty line.
fn read(text: &str) -> anyhow::Result<Vec<Sample>> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let sample = |block: &str| {
        let mut lines = block.trim_start_matches('\n').lines();
        let head = lines.next().unwrap_or_default();
        let ns = head.trim().trim_end_matches(':').parse();
        let ns = ns.with_context(|| format!("perf script says: {head}"))?;
        let mut stack: Vec<Frame> = lines.filter_map(Frame::read).collect();
        stack.reverse();
        stack.dedup_by(|one, other| one.is_unnamed() && other.is_unnamed());
        Ok(Sample { ns, stack })
    };
    blocks.map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_sample_is_a_stack_from_the_outside_in() {
        let text = "    667111 \n\tffff81 tcp_ack ([kernel.kallsyms])\n\t  55aa main (/bin/host)\n\n\
                    667111: \n\t 7f01 [unknown] ([unknown])\n\n";
        let samples = read(text).unwrap();
        let names: Vec<Vec<&str>> = samples
            .iter()
            .map(|sample| sample.stack.iter().map(|frame| frame.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["main", "tcp_ack"], vec![]]);
        assert_eq!(samples[0].ns, 667_111);
        assert!(read("no number\n").is_err());
    }
}
