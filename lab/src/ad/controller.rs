//! A domain controller elsewhere, over LDAPS: what the lab adds, deletes, reads back and permits there.

use super::descriptor::{self, Ace};
use super::population::{Attributes, Planned, Population, attributes};
use super::{Account, Ad, Placed};
use crate::directory::dn::escape;
use crate::directory::sid::Sid;
use crate::tenant::state::Index;
use futures_util::{StreamExt, TryStreamExt};
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// Requests under way at a time; a controller works on one connection's requests one after the other.
const PIPELINE: usize = 64;
const ALREADY_EXISTS: u32 = 68;
const NO_SUCH_OBJECT: u32 = 32;
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";

/// TLS that trusts the authorities in PEM text.
pub(crate) fn trusting(ca: &str) -> Result<Arc<rustls::ClientConfig>, String> {
    let trouble = |error: &dyn std::fmt::Display| format!("the authority's certificate: {error}");
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let certificate = certificate.map_err(|error| trouble(&error))?;
        roots.add(certificate).map_err(|error| trouble(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// How to reach a controller.
#[derive(Clone)]
pub(crate) struct Target {
    /// `ldaps://host[:port]`
    pub(crate) url: String,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Target {
    /// A target that trusts the authorities in PEM text.
    pub(crate) fn new(url: &str, ca: &str, user: &str, password: &str) -> Result<Self, String> {
        Ok(Self {
            url: url.to_owned(),
            tls: trusting(ca)?,
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    async fn bind(&self) -> Result<Ldap, String> {
        let failed = |error: ldap3::LdapError| format!("{}: {error}", self.url);
        let settings = LdapConnSettings::new()
            .set_conn_timeout(Duration::from_secs(10))
            .set_config(Arc::clone(&self.tls));
        let connected = LdapConnAsync::with_settings(settings, &self.url).await;
        let (connection, mut ldap) = connected.map_err(failed)?;
        ldap3::drive!(connection);
        let bound = ldap.simple_bind(&self.user, &self.password).await;
        bound
            .and_then(ldap3::LdapResult::success)
            .map_err(|error| format!("{} as {}: {error}", self.url, self.user))?;
        Ok(ldap)
    }
}

/// A controller with a connection, which is renewed when it breaks.
pub(crate) struct Controller {
    target: Target,
    link: Mutex<Ldap>,
    runtime: Handle,
    base: String,
    schema: String,
    domain_sid: String,
}

impl Controller {
    /// Connects and learns which domain it is.
    pub(crate) async fn connect(target: Target) -> Result<Self, String> {
        let link = target.bind().await?;
        let mut controller = Self {
            target,
            link: Mutex::new(link),
            runtime: Handle::current(),
            base: String::new(),
            schema: String::new(),
            domain_sid: String::new(),
        };
        let names = ["defaultNamingContext", "schemaNamingContext"];
        let root = controller.object("", &names, None).await?;
        let text = |name: &str| {
            value(&root, name)
                .and_then(|value| String::from_utf8(value).ok())
                .ok_or_else(|| format!("{} is not an Active Directory", controller.target.url))
        };
        (controller.base, controller.schema) = (text(names[0])?, text(names[1])?);
        let domain = controller
            .object(&controller.base, &["objectSid"], None)
            .await?;
        let sid = value(&domain, "objectSid").and_then(|bytes| Sid::from_bytes(&bytes));
        controller.domain_sid = sid.ok_or("the domain has no SID")?.to_string();
        Ok(controller)
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn domain_sid(&self) -> &str {
        &self.domain_sid
    }

    async fn link(&self) -> Result<Ldap, String> {
        let mut link = self.link.lock().await;
        if link.is_closed() {
            *link = self.target.bind().await?;
        }
        Ok(link.clone())
    }

    fn failed(&self, what: &str, error: impl std::fmt::Display) -> String {
        format!("{}: {what}: {error}", self.target.url)
    }

    /// One object by its DN, or by its `<SID=…>` or `<GUID=…>`.
    async fn object(
        &self,
        dn: &str,
        names: &[&str],
        control: Option<RawControl>,
    ) -> Result<SearchEntry, String> {
        let mut link = self.link().await?;
        if let Some(control) = control {
            link.with_controls(control);
        }
        let filter = "(objectClass=*)";
        let found = link.search(dn, Scope::Base, filter, names.to_vec()).await;
        let (entries, _) = found
            .and_then(ldap3::SearchResult::success)
            .map_err(|error| self.failed(dn, error))?;
        let entry = entries.into_iter().next();
        entry
            .map(SearchEntry::construct)
            .ok_or_else(|| self.failed(dn, "it is not there"))
    }

    /// All objects of a filter below `base`.
    async fn find(
        &self,
        base: &str,
        filter: &str,
        names: &[&str],
    ) -> Result<Vec<SearchEntry>, String> {
        let mut link = self.link().await?;
        let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![
            Box::new(EntriesOnly::new()),
            Box::new(PagedResults::new(1000)),
        ];
        let mut search = link
            .streaming_search_with(adapters, base, Scope::Subtree, filter, names.to_vec())
            .await
            .map_err(|error| self.failed(filter, error))?;
        let mut out = Vec::new();
        while let Some(entry) = search
            .next()
            .await
            .map_err(|error| self.failed(filter, error))?
        {
            out.push(SearchEntry::construct(entry));
        }
        let result = search.finish().await.success();
        result.map_err(|error| self.failed(filter, error))?;
        Ok(out)
    }

    /// Adds an object; the result code if the controller refused it.
    async fn put(&self, dn: &str, attributes: Attributes) -> Result<Result<(), u32>, String> {
        let attributes = attributes
            .into_iter()
            .map(|(name, values)| {
                let values = values.into_iter().collect::<HashSet<_>>();
                (name.as_bytes().to_vec(), values)
            })
            .collect();
        let result = self.link().await?.add(dn, attributes).await;
        let result = result.map_err(|error| self.failed(dn, error))?;
        match result.rc {
            0 => Ok(Ok(())),
            ALREADY_EXISTS => Ok(Err(ALREADY_EXISTS)),
            _ => Err(self.failed(dn, ldap3::LdapError::from(result))),
        }
    }

    async fn change(&self, dn: &str, changes: Vec<Mod<Vec<u8>>>) -> Result<(), String> {
        let result = self.link().await?.modify(dn, changes).await;
        result
            .and_then(ldap3::LdapResult::success)
            .map(|_| ())
            .map_err(|error| self.failed(dn, error))
    }

    /// Adds an account, with a number behind its name where that is taken; answers its DN.
    async fn create(
        &self,
        planned: &Planned,
        dn_of: &(dyn Fn(u32) -> Option<String> + Sync),
    ) -> Result<String, String> {
        let wanted = || attributes(&planned.account, &planned.sam, dn_of);
        if self.put(&planned.dn, wanted()).await?.is_ok() {
            return Ok(planned.dn.clone());
        }
        let dn = planned.second_dn();
        match self.put(&dn, wanted()).await? {
            Ok(()) => Ok(dn),
            Err(_) => Err(self.failed(&dn, "the name or the account name is taken")),
        }
    }

    /// Adds a whole population.
    pub(crate) async fn add_all(&self, population: &Population) -> Result<(), String> {
        let is_group = |planned: &&Planned| matches!(planned.account, Account::Group(_));
        let nobody = |_: u32| None;
        let accounts = population.iter().filter(|planned| !is_group(planned));
        let dns: HashMap<u32, String> = futures_util::stream::iter(accounts)
            .map(|planned| async move {
                let dn = self.create(planned, &nobody).await?;
                Ok::<_, String>((planned.account.rid(), dn))
            })
            .buffer_unordered(PIPELINE)
            .try_collect()
            .await?;
        let dn_of = |rid: u32| dns.get(&rid).cloned();
        for planned in population.iter().filter(is_group) {
            self.create(planned, &dn_of).await?;
        }
        Ok(())
    }

    /// The identities that the directory gave to a population.
    pub(crate) async fn read_back(
        &self,
        population: &Population,
    ) -> Result<HashMap<Index, Placed>, String> {
        let wanted: HashMap<&str, Index> = population
            .iter()
            .map(|planned| (planned.sam.as_str(), planned.index))
            .collect();
        let names = ["sAMAccountName", "objectSid", "objectGUID"];
        let filter = "(|(objectCategory=person)(objectCategory=computer)(objectCategory=group))";
        let mut out = HashMap::with_capacity(wanted.len());
        for entry in self.find(&self.base, filter, &names).await? {
            let sam = value(&entry, names[0]).and_then(|value| String::from_utf8(value).ok());
            if let Some(index) = sam.and_then(|sam| wanted.get(sam.as_str()).copied()) {
                out.insert(index, placed(entry)?);
            }
        }
        Ok(out)
    }

    /// Creates an organizational unit, and those above it that aren't there.
    pub(crate) async fn add_ou(&self, dn: &str) -> Result<(), String> {
        let parts = crate::directory::dn::parse(dn).ok_or_else(|| format!("{dn} is not a DN"))?;
        let depth = parts
            .iter()
            .take_while(|part| part.kind.eq_ignore_ascii_case("OU"));
        for start in (0..depth.count()).rev() {
            let dn = crate::directory::dn::text(&parts[start..]);
            let class = vec![("objectClass", vec![b"organizationalUnit".to_vec()])];
            // One that is there is what was wanted.
            let _ = self.put(&dn, class).await?;
        }
        Ok(())
    }

    /// Lets the domain controller be named by this service principal name.
    pub(crate) async fn add_service_name(&self, host: &str, name: &str) -> Result<(), String> {
        let dn = format!("CN={host},OU=Domain Controllers,{}", self.base);
        let values = HashSet::from([name.as_bytes().to_vec()]);
        let name = b"servicePrincipalName".to_vec();
        self.change(&dn, vec![Mod::Add(name, values)]).await
    }

    /// The organizational units of the domain.
    pub(crate) async fn units(&self) -> Result<Vec<String>, String> {
        let filter = "(objectCategory=organizationalUnit)";
        let found = self.find(&self.base, filter, &["ou"]).await?;
        Ok(found.into_iter().map(|entry| entry.dn).collect())
    }

    /// The SID of an account of the domain.
    pub(crate) async fn sid_of(&self, account: &str) -> Result<Sid, String> {
        let filter = format!("(sAMAccountName={})", ldap3::ldap_escape(account));
        let found = self.find(&self.base, &filter, &["objectSid"]).await?;
        found
            .first()
            .and_then(|entry| Sid::from_bytes(&value(entry, "objectSid")?))
            .ok_or_else(|| format!("no account {account}"))
    }

    /// The GUID by which access control knows a class or an attribute.
    pub(crate) async fn schema_guid(&self, name: &str) -> Result<[u8; 16], String> {
        let filter = format!("(lDAPDisplayName={})", ldap3::ldap_escape(name));
        let found = self.find(&self.schema, &filter, &["schemaIDGUID"]).await?;
        found
            .first()
            .and_then(|entry| value(entry, "schemaIDGUID")?.try_into().ok())
            .ok_or_else(|| format!("no {name} in the schema"))
    }

    /// Adds and removes entries of an object's access control list.
    pub(crate) async fn edit_access(
        &self,
        dn: &str,
        remove: &[Ace],
        add: &[Ace],
    ) -> Result<(), String> {
        // Only the list itself: BER of the flag DACL_SECURITY_INFORMATION.
        let control = || RawControl {
            ctype: SD_FLAGS.to_owned(),
            crit: true,
            val: Some(vec![0x30, 3, 2, 1, 4]),
        };
        let name = "nTSecurityDescriptor";
        let entry = self.object(dn, &[name], Some(control())).await?;
        let before = value(&entry, name).ok_or_else(|| self.failed(dn, "no descriptor"))?;
        let after = descriptor::edit(&before, remove, add)
            .ok_or_else(|| self.failed(dn, "the descriptor can't be read"))?;
        let values = HashSet::from([after]);
        let change = vec![Mod::Replace(name.as_bytes().to_vec(), values)];
        let mut link = self.link().await?;
        let result = link.with_controls(control()).modify(dn, change).await;
        result
            .and_then(ldap3::LdapResult::success)
            .map(|_| ())
            .map_err(|error| self.failed(dn, error))
    }

    /// Adds a group below `CN=Users` with the members of these SIDs.
    pub(crate) async fn add_group(
        &self,
        name: &str,
        group_type: i32,
        members: &[String],
    ) -> Result<Placed, String> {
        let dn = format!("CN={},CN=Users,{}", escape(name), self.base);
        let text = |text: &str| vec![text.as_bytes().to_vec()];
        let mut attributes: Attributes = vec![
            ("objectClass", text("group")),
            ("sAMAccountName", text(name)),
            ("groupType", text(&group_type.to_string())),
        ];
        if !members.is_empty() {
            let sids = members
                .iter()
                .map(|sid| format!("<SID={sid}>").into_bytes());
            attributes.push(("member", sids.collect()));
        }
        if self.put(&dn, attributes).await?.is_err() {
            return Err(self.failed(&dn, "the name is taken"));
        }
        placed(self.object(&dn, &["objectSid", "objectGUID"], None).await?)
    }
}

impl Ad for Controller {
    fn add(&self, account: Account) -> Result<Placed, String> {
        let planned = Planned::new(0, account, &self.base);
        self.runtime.block_on(async {
            let dn = self.create(&planned, &|_| None).await?;
            placed(self.object(&dn, &["objectSid", "objectGUID"], None).await?)
        })
    }

    fn delete(&self, rid: u32) -> Result<bool, String> {
        let dn = format!("<SID={}-{rid}>", self.domain_sid);
        self.runtime.block_on(async {
            let result = self.link().await?.delete(&dn).await;
            let result = result.map_err(|error| self.failed(&dn, error))?;
            match result.rc {
                0 => Ok(true),
                NO_SUCH_OBJECT => Ok(false),
                _ => Err(self.failed(&dn, ldap3::LdapError::from(result))),
            }
        })
    }
}

fn placed(entry: SearchEntry) -> Result<Placed, String> {
    let sid = value(&entry, "objectSid").and_then(|bytes| Sid::from_bytes(&bytes)?.split());
    let guid = value(&entry, "objectGUID").and_then(|bytes| bytes.try_into().ok());
    match (sid, guid) {
        (Some((_, rid)), Some(object_guid)) => Ok(Placed {
            dn: entry.dn,
            rid,
            object_guid,
        }),
        _ => Err(format!("{} has no SID or GUID", entry.dn)),
    }
}

/// The first value of an attribute as bytes: those that happen to be text are kept elsewhere.
fn value(entry: &SearchEntry, name: &str) -> Option<Vec<u8>> {
    let same = |known: &String| known.eq_ignore_ascii_case(name);
    let text = entry.attrs.iter().find(|(known, _)| same(known));
    let text = text.and_then(|(_, values)| Some(values.first()?.as_bytes().to_vec()));
    text.or_else(|| {
        let bytes = entry.bin_attrs.iter().find(|(known, _)| same(known));
        bytes.and_then(|(_, values)| values.first().cloned())
    })
}
