//! The command line of the lab: `serve`, `dump`, `populate`, `control`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use group_writeback_lab::directory::ExchangeLevel;
use group_writeback_lab::serve::{LabOptions, start};
use group_writeback_lab::{DirectoryKind, WorldOptions, client};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// An emulated Microsoft Entra tenant and an Active Directory (embedded, or Samba) on loopback ports, for
/// demos, tests and benchmarks of Group Writeback.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a lab, print one JSON line when it is ready, and run until stopped
    #[command(
        after_help = "The lab stops on Ctrl+C, SIGTERM, the control verb 'shutdown' and, with \
        --until-stdin-closes, when its standard input ends. Nothing stays, except Samba's templates."
    )]
    Serve(Box<Serve>),
    /// Print the tenant's truth as JSON
    Dump {
        /// The control address from the ready line, like http://127.0.0.1:40001/lab
        #[arg(long, value_name = "URL")]
        control: String,
    },
    /// Put what a lab's tenant has synced into another Active Directory
    #[command(
        after_help = "The users, devices and groups that the tenant has synced are created below CN=Users and \
        CN=Computers. The SIDs and GUIDs that the directory gives them are read back, and the tenant names those from \
        then on, as Entra Connect would have it. Later changes of the lab (control verbs change and churn) go to that \
        directory too. The account must be allowed to create and delete users, computers and groups there."
    )]
    Populate {
        /// The domain controller, like ldaps://dc1.contoso.test or ldaps://127.0.0.10:636
        #[arg(long, value_name = "URL")]
        directory: String,
        /// PEM file with the authority of its certificate
        #[arg(long, value_name = "FILE")]
        ca: PathBuf,
        /// Account, like administrator@contoso.test
        #[arg(long)]
        user: String,
        /// Its password
        #[arg(long, required_unless_present = "password_file")]
        password: Option<String>,
        /// File whose first line is the password
        #[arg(long, value_name = "FILE", conflicts_with = "password")]
        password_file: Option<PathBuf>,
        /// The control address from the lab's ready line, like http://127.0.0.1:40001/lab
        #[arg(long, value_name = "URL")]
        control: String,
    },
    /// Send a control verb and print the answer
    #[command(after_help = "Examples:\n  \
        control --control URL counters\n  \
        control --control URL churn '{\"operations\":1000}'\n  \
        control --control URL fault '{\"fault\":\"throttle\",\"retryAfterSeconds\":2,\"times\":3}'\n  \
        control --control URL --delete fault\n  \
        control --control URL directory '{\"op\":\"stopServer\",\"index\":0}'\n  \
        control --control URL shutdown")]
    Control {
        /// The control address from the ready line, like http://127.0.0.1:40001/lab
        #[arg(long, value_name = "URL")]
        control: String,
        /// Send DELETE: 'fault' then removes all faults
        #[arg(long, conflicts_with = "json")]
        delete: bool,
        /// dump, change, churn, fault, counters, counters/reset, clock, permissions, devicecode,
        /// directory, populate, federatedassertion or shutdown
        verb: String,
        /// The body: with it the verb is posted, without it it is read (except counters/reset,
        /// federatedassertion and shutdown, which are always posted)
        json: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Exchange {
    /// Schema and organization
    Prepared,
    /// Schema only
    Schema,
    /// Neither
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// In memory
    Embedded,
    /// A Samba domain controller on a loopback address; needs root and Samba's packages
    Samba,
}

#[derive(Clone, Copy, ValueEnum)]
enum Cloud {
    /// Beta has writebackConfiguration
    Global,
    /// Beta lacks it
    Usnat,
}

#[derive(Args)]
struct Serve {
    /// Everything is a function of the seed and the sizes
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,
    /// Users of every kind
    #[arg(long, default_value_t = 400, value_name = "N")]
    users: usize,
    /// Share of users born in the cloud
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = percent())]
    cloud_only_percent: u32,
    /// Share of guests
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = percent())]
    guest_percent: u32,
    /// Microsoft 365 groups
    #[arg(long, default_value_t = 60, value_name = "N")]
    m365_groups: usize,
    /// Cloud security groups
    #[arg(long, default_value_t = 15, value_name = "N")]
    security_groups: usize,
    /// Groups synced from AD, which are never a source
    #[arg(long, default_value_t = 8, value_name = "N")]
    synced_groups: usize,
    /// Devices, half of them hybrid joined
    #[arg(long, default_value_t = 20, value_name = "N")]
    devices: usize,
    /// Memberships of cloud groups in all
    #[arg(long, default_value_t = 1500, value_name = "N")]
    memberships: usize,
    /// Members of the largest M365 group
    #[arg(long, default_value_t = 200, value_name = "N")]
    largest_group: usize,
    /// Share of cloud groups that hold another cloud group
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = percent())]
    nested_percent: u32,
    /// DNS name of the AD domain
    #[arg(long, default_value = "contoso.test", value_name = "NAME")]
    domain: String,
    /// Which directory to run
    #[arg(long, default_value = "embedded", value_enum)]
    directory: Which,
    /// Where provisioned Samba directories are kept to copy from
    /// [default: $GROUPWRITEBACK_SAMBA_TEMPLATES, else in cargo's target folder or among the temporary files]
    #[arg(long, value_name = "DIR")]
    samba_templates: Option<PathBuf>,
    /// How far Exchange is set up in the directory
    #[arg(long, default_value = "prepared", value_enum)]
    exchange: Exchange,
    /// Whether msDS-ExternalDirectoryObjectId exists
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    schema_2016: bool,
    /// Create this organizational unit at the start (repeatable)
    #[arg(long, value_name = "DN")]
    ou: Vec<String>,
    /// Which cloud to play
    #[arg(long, default_value = "global", value_enum)]
    cloud: Cloud,
    /// Port of sign-in, Graph and control; 0 is any free one
    #[arg(long, default_value_t = 0, value_name = "N")]
    graph_port: u16,
    /// Port of LDAP; 0 is any free one
    #[arg(long, default_value_t = 0, value_name = "N")]
    ldap_port: u16,
    /// Port of LDAPS; 0 is any free one
    #[arg(long, default_value_t = 0, value_name = "N")]
    ldaps_port: u16,
    /// Where certificate and key files go [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Cap of page sizes
    #[arg(long, default_value_t = 999, value_name = "N")]
    page_size: usize,
    /// Members in a group row of a delta page
    #[arg(long, default_value_t = 800, value_name = "N")]
    slice_size: usize,
    /// Share of delta rows that are sent again
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = percent())]
    replay_percent: u32,
    /// Resource units the app may use in ten seconds [default: 3500, 5000 or 8000 by tenant size]
    #[arg(long, value_name = "N")]
    resource_units: Option<u64>,
    /// Stop when standard input ends
    #[arg(long)]
    until_stdin_closes: bool,
}

fn percent() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(0..=100)
}

impl Serve {
    fn into_options(self) -> LabOptions {
        LabOptions {
            world: WorldOptions {
                seed: self.seed,
                users: self.users,
                cloud_only_percent: self.cloud_only_percent,
                guest_percent: self.guest_percent,
                m365_groups: self.m365_groups,
                security_groups: self.security_groups,
                synced_groups: self.synced_groups,
                devices: self.devices,
                memberships: self.memberships,
                largest_group: self.largest_group,
                nested_percent: self.nested_percent,
                domain: self.domain,
            },
            directory: match self.directory {
                Which::Embedded => DirectoryKind::Embedded,
                Which::Samba => DirectoryKind::Samba,
            },
            samba_templates: self
                .samba_templates
                .or_else(|| std::env::var_os("GROUPWRITEBACK_SAMBA_TEMPLATES").map(PathBuf::from)),
            exchange: match self.exchange {
                Exchange::Prepared => ExchangeLevel::Prepared,
                Exchange::Schema => ExchangeLevel::Schema,
                Exchange::None => ExchangeLevel::None,
            },
            schema_2016: self.schema_2016,
            ous: self.ou,
            beta_flag: matches!(self.cloud, Cloud::Global),
            graph_port: self.graph_port,
            ldap_port: self.ldap_port,
            ldaps_port: self.ldaps_port,
            data_dir: self.data_dir,
            page_size: self.page_size,
            slice_size: self.slice_size,
            replay_percent: self.replay_percent,
            resource_units: self.resource_units,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(options) => serve(*options).await,
        Command::Dump { control } => call(&control, "GET", "dump", None).await,
        Command::Populate {
            directory,
            ca,
            user,
            password,
            password_file,
            control,
        } => populate(directory, &ca, user, password, password_file, &control).await,
        Command::Control {
            control,
            delete,
            verb,
            json,
        } => {
            let posted = json.is_some()
                || matches!(
                    verb.as_str(),
                    "counters/reset" | "federatedassertion" | "shutdown"
                );
            let method = if delete {
                "DELETE"
            } else if posted {
                "POST"
            } else {
                "GET"
            };
            call(&control, method, &verb, json.as_deref()).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn populate(
    directory: String,
    ca: &Path,
    user: String,
    password: Option<String>,
    password_file: Option<PathBuf>,
    control: &str,
) -> Result<(), String> {
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let password = match (password, password_file) {
        (Some(password), _) => password,
        (None, Some(file)) => read(&file)?.lines().next().unwrap_or_default().to_owned(),
        (None, None) => return Err("no password".into()),
    };
    let body = serde_json::json!({
        "directory": directory,
        "ca": read(ca)?,
        "user": user,
        "password": password,
    });
    call(control, "POST", "populate", Some(&body.to_string())).await
}

async fn call(control: &str, method: &str, verb: &str, body: Option<&str>) -> Result<(), String> {
    let url = format!("{}/{verb}", control.trim_end_matches('/'));
    let headers = [("Content-Type", "application/json")];
    let reply = client::send(method, &url, &headers, body.unwrap_or_default()).await?;
    print_line(&reply.body)?;
    if reply.status == 200 {
        Ok(())
    } else {
        Err(format!("the lab answered {}", reply.status))
    }
}

fn print_line(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())
}

async fn serve(options: Serve) -> Result<(), String> {
    let until_stdin_closes = options.until_stdin_closes;
    let lab = start(options.into_options()).await?;
    print_line(&lab.ready().to_string())?;
    let (closed, stdin) = tokio::sync::oneshot::channel();
    if until_stdin_closes {
        // A thread of its own: a read that waits for a terminal must not keep the runtime alive.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while std::io::stdin()
                .read(&mut buffer)
                .is_ok_and(|count| count > 0)
            {}
            let _ = closed.send(());
        });
    } else {
        std::mem::forget(closed);
    }
    tokio::select! {
        () = lab.until_shutdown() => {}
        () = interrupted() => {}
        _ = stdin => {}
    }
    lab.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
