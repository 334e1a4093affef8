//! Making a domain: provisioning, schema, Exchange's objects, accounts and their rights.

use super::tools::{program, run};
use super::{HOST, LONGEST_FOLDER, Samba, Setup};
use crate::ad::grant_writeback;
use crate::directory::ExchangeLevel;
use crate::ids::base64;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::runtime::Handle;

pub(super) const CONFIGURATION: &str = "smb.conf";
pub(super) const KRB5_CONFIG: &str = "krb5.conf";
pub(super) const CA_FILE: &str = "tls/ca.pem";
pub(super) const KEYTAB: &str = "svc-writeback.keytab";

/// The schema's additions: of Windows Server 2016, then of Exchange; attributes before the classes that have them.
const SERVER_2016: [&str; 2] = [
    include_str!("../../schema/1-server2016-attributes.ldif"),
    include_str!("../../schema/2-server2016-classes.ldif"),
];
const EXCHANGE: [&str; 2] = [
    include_str!("../../schema/1-exchange-attributes.ldif"),
    include_str!("../../schema/2-exchange-classes.ldif"),
];

/// Everything that decides what a domain is like, as text.
pub(super) fn recipe(setup: &Setup) -> String {
    // A new number for a change of this file that the texts below do not show.
    const EDITION: u32 = 1;
    let schema = schema(setup).concat();
    format!(
        "{EDITION}\n{}\n{}\n{}\n{schema}\n{}",
        setup.domain,
        setup.domain_sid,
        setup.admin_password,
        objects(setup),
    )
}

fn schema(setup: &Setup) -> Vec<&'static str> {
    let mut files = Vec::new();
    if setup.schema_2016 {
        files.extend(SERVER_2016);
    }
    if setup.exchange != ExchangeLevel::None {
        files.extend(EXCHANGE);
    }
    files
}

/// Makes a domain in `folder`, which is empty.
pub(super) fn domain(setup: &Setup, folder: &Path, runtime: &Handle) -> Result<(), String> {
    let nowhere = Path::new("/dev/null");
    run(program("samba-tool", nowhere)
        .args(["domain", "provision", "--server-role=dc"])
        .args(["--dns-backend=NONE", "--host-ip=127.0.0.1"])
        .arg(format!("--targetdir={}", folder.display()))
        .arg(format!("--realm={}", setup.realm()))
        .arg(format!("--domain={}", setup.workgroup()))
        .arg(format!("--domain-sid={}", setup.domain_sid))
        .arg(format!("--host-name={HOST}"))
        .arg(format!("--adminpass={}", setup.admin_password)))?;
    configure(setup, folder, Ipv4Addr::LOCALHOST)?;
    for ldif in schema(setup) {
        let ldif = ldif.replace("DC=X", &setup.base());
        ldb(
            "ldbmodify",
            folder,
            &ldif,
            &["--option=dsdb:schema update allowed=true"],
        )?;
    }
    ldb("ldbadd", folder, &objects(setup), &[])?;
    // Templates are kept for longer than a password lives.
    let lasting = format!(
        "dn: CN=Administrator,CN=Users,{}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 66048\n-\n",
        setup.base()
    );
    ldb("ldbmodify", folder, &lasting, &[])?;
    let configuration = folder.join(CONFIGURATION);
    run(program("samba-tool", &configuration)
        .args(["domain", "exportkeytab"])
        .arg(folder.join(KEYTAB))
        .arg("--principal=svc-writeback")
        .arg("-s")
        .arg(&configuration))?;
    let (samba, controller) = {
        let log = folder.join("samba.log");
        Samba::run(setup.clone(), folder.to_owned(), &log, runtime)?
    };
    let name = format!("ldap/{HOST}.{}", setup.domain);
    runtime.block_on(async {
        controller
            .add_service_name(&HOST.to_uppercase(), &name)
            .await?;
        grant_writeback(&controller, "svc-writeback").await
    })?;
    drop(samba);
    Ok(())
}

/// Adds the objects of an LDIF to the domain in `folder`.
pub(super) fn fill(setup: &Setup, folder: &Path, population: &str) -> Result<(), String> {
    configure(setup, folder, Ipv4Addr::LOCALHOST)?;
    // Without these two each object costs as much as there are objects before it.
    let options = [
        "-o",
        "batch_mode:1",
        "-o",
        "transaction_index_cache_size:1000000",
    ];
    ldb("ldbadd", folder, population, &options)
}

/// Calls a tool that changes the database of a directory that is not running.
fn ldb(tool: &str, folder: &Path, ldif: &str, options: &[&str]) -> Result<(), String> {
    let file = folder.join("input.ldif");
    let trouble = |error: std::io::Error| format!("{}: {error}", file.display());
    std::fs::write(&file, ldif).map_err(trouble)?;
    let mut command = program(tool, &folder.join(CONFIGURATION));
    command
        .arg("-H")
        .arg(folder.join("private/sam.ldb"))
        .arg("--option=ldb:nosync=true")
        .args(options)
        .arg(&file);
    run(&mut command)?;
    std::fs::remove_file(&file).map_err(trouble)
}

/// Writes Samba's and Kerberos' configuration for a directory in this folder at this address.
pub(super) fn configure(setup: &Setup, folder: &Path, ip: Ipv4Addr) -> Result<(), String> {
    let (realm, workgroup, domain) = (setup.realm(), setup.workgroup(), &setup.domain);
    let at = folder.display();
    if folder.as_os_str().len() > LONGEST_FOLDER {
        return Err(format!(
            "the path {at} is too long for Samba's sockets; choose a shorter folder for temporary files"
        ));
    }
    // Without nosync every write waits for the disk, which a lab does not need: it ends with its folder.
    let samba = format!(
        "[global]\n\
         netbios name = {}\nrealm = {realm}\nworkgroup = {workgroup}\n\
         server role = active directory domain controller\n\
         server services = ldap, cldap, kdc\n\
         interfaces = {ip}/8\nbind interfaces only = yes\n\
         private dir = {at}/private\nstate directory = {at}/state\ncache directory = {at}/cache\n\
         lock directory = {at}/lock\npid directory = {at}/run\nbinddns dir = {at}/dns\n\
         ntp signd socket directory = {at}/ntp\nwinbindd socket directory = {at}/wb\nncalrpc dir = {at}/rpc\n\
         tls certfile = {at}/tls/cert.pem\ntls keyfile = {at}/tls/key.pem\ntls cafile = {at}/tls/ca.pem\n\
         ldb:nosync = true\nlog level = 1\n",
        HOST.to_uppercase(),
    );
    let kerberos = format!(
        "[libdefaults]\n    default_realm = {realm}\n    dns_lookup_kdc = false\n    dns_lookup_realm = false\n    \
         dns_canonicalize_hostname = false\n    rdns = false\n\
         [realms]\n    {realm} = {{\n        kdc = {ip}\n        admin_server = {ip}\n    }}\n\
         [domain_realm]\n    .{domain} = {realm}\n    {domain} = {realm}\n"
    );
    let host = format!("{HOST}.{domain}");
    let (certificate, key) = setup.authority.server_pem(&host, vec![ip.to_string()])?;
    for name in ["state", "cache", "lock", "run", "tls"] {
        let place = folder.join(name);
        std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    for (name, text) in [
        (CONFIGURATION, samba),
        (KRB5_CONFIG, kerberos),
        (CA_FILE, setup.authority.pem()),
        ("tls/cert.pem", certificate),
        ("tls/key.pem", key),
    ] {
        write_private(&folder.join(name), &text)?;
    }
    Ok(())
}

/// Writes a file that only its owner reads: Samba takes no other key.
fn write_private(file: &Path, text: &str) -> Result<(), String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Exchange's objects where the forest is prepared, and the accounts that bind.
fn objects(setup: &Setup) -> String {
    let base = setup.base();
    let mut out = String::new();
    let mut put = |dn: &str, class: &str, more: &str| {
        out.push_str(&format!("dn: {dn}\nobjectClass: {class}\n{more}\n"));
    };
    if setup.exchange == ExchangeLevel::Prepared {
        let label = setup.domain.split('.').next().unwrap_or_default();
        let organization: String = label
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(label.chars().skip(1))
            .collect();
        let mut dn = format!("CN=Services,CN=Configuration,{base}");
        for (name, class) in [
            ("Microsoft Exchange", "msExchConfigurationContainer"),
            (organization.as_str(), "msExchOrganizationContainer"),
            ("Administrative Groups", "msExchContainer"),
            (
                "Exchange Administrative Group (FYDIBOHF23SPDLT)",
                "msExchContainer",
            ),
            ("Servers", "msExchContainer"),
        ] {
            dn = format!("CN={name},{dn}");
            put(&dn, class, "");
        }
        let version = "serialNumber: Version 15.2 (Build 31748.8)\n";
        put(&format!("CN=EX1,{dn}"), "msExchExchangeServer", version);
        let own = format!("CN=Microsoft Exchange System Objects,{base}");
        put(&own, "msExchSystemObjectsContainer", "");
    }
    for (name, password) in [
        ("svc-writeback", &setup.bind_password),
        ("svc-readonly", &setup.read_only_password),
    ] {
        let quoted: Vec<u8> = format!("\"{password}\"")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let more = format!(
            "sAMAccountName: {name}\nuserPrincipalName: {name}@{}\nuserAccountControl: 66048\nunicodePwd:: {}\n",
            setup.domain,
            base64(&quoted)
        );
        put(&format!("CN={name},CN=Users,{base}"), "user", &more);
    }
    out
}
