//! Where the programs are: `rabbitmq-server`, `rabbitmqctl`, `epmd` and `erl_call`.

use std::env;
use std::path::{Path, PathBuf};

/// Programs of an installed RabbitMQ.
#[derive(Debug, Clone)]
pub struct Tools {
    pub(crate) server: PathBuf,
    pub(crate) ctl: PathBuf,
    pub(crate) epmd: PathBuf,
    /// Comes with most of Erlang's packages.
    pub(crate) erl_call: Option<PathBuf>,
}

impl Tools {
    /// Looks into the folder that `EDA_RABBITMQ_BIN` names; without it, along `PATH` and where packages put them.
    pub fn find() -> Result<Self, String> {
        match env::var_os("EDA_RABBITMQ_BIN") {
            Some(folder) => Self::of(Path::new(&folder)).map_err(|error| format!("EDA_RABBITMQ_BIN: {error}")),
            None => Self::in_folder(&installed(&path()).ok_or("rabbitmq-server is not installed")?),
        }
    }

    /// Those in this folder.
    pub fn of(folder: &Path) -> Result<Self, String> {
        // programs are started in the node's folder, where a relative path means something else
        let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
        if !holds_rabbitmq(&folder) {
            return Err(format!("no rabbitmq-server and rabbitmqctl in {}", folder.display()));
        }
        Self::in_folder(&folder)
    }

    fn in_folder(bin: &Path) -> Result<Self, String> {
        let path = path();
        let folders = || [bin].into_iter().chain(path.iter().map(PathBuf::as_path));
        let found = |program: &str| folders().map(|folder| folder.join(program)).find(|file| file.is_file());
        Ok(Self {
            server: bin.join("rabbitmq-server"),
            ctl: bin.join("rabbitmqctl"),
            epmd: found("epmd").ok_or("epmd is not on PATH; it comes with Erlang")?,
            erl_call: found("erl_call"),
        })
    }
}

fn path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn installed(path: &[PathBuf]) -> Option<PathBuf> {
    let packaged = ["/usr/lib/rabbitmq/bin", "/usr/sbin"].map(PathBuf::from);
    path.iter().chain(&packaged).find(|folder| holds_rabbitmq(folder)).map(|folder| past_wrapper(folder))
}

fn holds_rabbitmq(folder: &Path) -> bool {
    ["rabbitmq-server", "rabbitmqctl"].iter().all(|program| folder.join(program).is_file())
}

/// Debian's programs in /usr/sbin change to another user, with another home; those behind them do not.
fn past_wrapper(folder: &Path) -> PathBuf {
    let behind = Path::new("/usr/lib/rabbitmq/bin");
    if folder.ends_with("sbin") && holds_rabbitmq(behind) { behind.to_owned() } else { folder.to_owned() }
}
