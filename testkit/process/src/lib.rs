//! A child process that never outlives the one that started it, nor does anything it starts.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};

pub use libc::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM};

/// A child with a process group of its own, which is killed when this is dropped.
#[derive(Debug)]
pub struct Group {
    child: Child,
}

impl Group {
    /// Starts `command` in a group of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.process_group(0);
        die_with_parent(command);
        Ok(Self { child: command.spawn()? })
    }

    /// The id of the child, which is the group's as well.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child, for what it reads and writes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How the child ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal to the child and everything it started.
    pub fn signal(&self, signal: i32) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // SAFETY: `kill` takes plain numbers; the group is the child's own.
            unsafe { libc::kill(-group, signal) };
        }
    }

    /// Kills the child with everything it started, as a power cut would.
    pub fn kill(&mut self) {
        self.signal(SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has the kernel kill the child when the thread that starts it ends, however it ends.
#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    // SAFETY: `prctl` is safe to call between fork and exec.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// Only Linux offers to kill a child with its parent.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_command: &mut Command) {}
