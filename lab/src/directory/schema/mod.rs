//! Schema room: what attributes and classes the directory knows, from tables of facts.

mod load;

use std::collections::HashMap;
use std::sync::Arc;

use super::sid::Guid;

/// Index of an attribute in [`Schema::attributes`].
pub type AttrId = u16;
/// Index of a class in [`Schema::classes`].
pub type ClassId = u16;

/// How an attribute's values look and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Reference to an object.
    Dn,
    /// Text with a DN inside (DN-Binary, DN-String); kept as text.
    DnText,
    /// Object identifier or the name it stands for.
    Oid,
    /// Text compared with case.
    CaseExact,
    /// ASCII text without case.
    CaseIgnore,
    /// Unicode text without case, accents, width.
    Unicode,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// 32-bit integer.
    Integer,
    /// 64-bit integer.
    LargeInteger,
    /// Bytes.
    Octets,
    /// Security identifier.
    Sid,
    /// Security descriptor.
    Descriptor,
    /// Generalized time.
    Time,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its index.
    pub id: AttrId,
    /// `lDAPDisplayName`.
    pub name: String,
    /// `cn` of its schema object.
    pub cn: String,
    /// `attributeID`.
    pub oid: String,
    /// `attributeSyntax`.
    pub syntax_oid: String,
    /// Meaning of the syntax.
    pub syntax: Syntax,
    /// `oMSyntax`.
    pub om_syntax: i32,
    /// `isSingleValued`.
    pub single: bool,
    /// `rangeLower`.
    pub lower: Option<i64>,
    /// `rangeUpper`.
    pub upper: Option<i64>,
    /// `linkID`; even is a forward link, the next odd number its back link.
    pub link: Option<i32>,
    /// `searchFlags`.
    pub search_flags: i32,
    /// `schemaIDGUID`.
    pub guid: Guid,
    /// `systemOnly`.
    pub system_only: bool,
    /// `systemFlags`.
    pub system_flags: i32,
    /// `isMemberOfPartialAttributeSet`.
    pub in_catalog: bool,
    /// The other end of a link.
    pub partner: Option<AttrId>,
    /// Whether look-ups go through an index of the store.
    pub indexed: bool,
}

impl Attribute {
    /// Whether the value is computed when it is read.
    pub fn constructed(&self) -> bool {
        self.system_flags & 4 != 0
    }

    /// Whether this is the writable end of a link.
    pub fn forward_link(&self) -> bool {
        self.link.is_some_and(|link| link % 2 == 0)
    }

    /// Whether this is the computed end of a link.
    pub fn back_link(&self) -> bool {
        self.link.is_some_and(|link| link % 2 == 1)
    }
}

/// One class.
#[derive(Debug, Clone, Default)]
pub struct Class {
    /// Its index.
    pub id: ClassId,
    /// `lDAPDisplayName`.
    pub name: String,
    /// `cn` of its schema object.
    pub cn: String,
    /// `governsID`.
    pub oid: String,
    /// `objectClassCategory`: 1 structural, 2 abstract, 3 auxiliary.
    pub category: i32,
    /// Name of the attribute in relative names.
    pub rdn: AttrId,
    /// `schemaIDGUID`.
    pub guid: Guid,
    /// `systemOnly`.
    pub system_only: bool,
    /// From `top` down to this class.
    pub chain: Vec<ClassId>,
    /// Superclass by name.
    pub parent_name: String,
    /// The lists of the schema object, by name.
    pub lists: ClassLists,
    /// Every attribute that must be there, inherited ones included, sorted.
    pub must: Vec<AttrId>,
    /// Every attribute that may be there (mandatory ones included), sorted.
    pub may: Vec<AttrId>,
    /// Classes below which objects of this class may be.
    pub superiors: Vec<ClassId>,
}

/// A class' lists as its schema object shows them.
#[derive(Debug, Clone, Default)]
pub struct ClassLists {
    /// `auxiliaryClass`.
    pub auxiliary: Vec<String>,
    /// `systemAuxiliaryClass`.
    pub system_auxiliary: Vec<String>,
    /// `possSuperiors`.
    pub superiors: Vec<String>,
    /// `systemPossSuperiors`.
    pub system_superiors: Vec<String>,
    /// `mustContain`.
    pub must: Vec<String>,
    /// `systemMustContain`.
    pub system_must: Vec<String>,
    /// `mayContain`.
    pub may: Vec<String>,
    /// `systemMayContain`.
    pub system_may: Vec<String>,
}

macro_rules! known {
    ($kind:ident, $id:ty, $( $field:ident = $name:literal ),* $(,)?) => {
        /// Names that the directory's own rules speak of.
        #[derive(Debug, Clone, Copy)]
        #[allow(missing_docs)]
        pub struct $kind { $( pub $field: $id, )* }

        impl $kind {
            fn resolve(find: impl Fn(&str) -> Option<$id>) -> Result<Self, String> {
                Ok(Self { $( $field: find($name)
                    .ok_or_else(|| format!("the schema lacks {}", $name))?, )* })
            }
        }
    };
}

known!(
    KnownAttributes,
    AttrId,
    object_class = "objectClass",
    object_category = "objectCategory",
    object_guid = "objectGUID",
    object_sid = "objectSid",
    cn = "cn",
    ou = "ou",
    dc = "dc",
    name = "name",
    distinguished_name = "distinguishedName",
    instance_type = "instanceType",
    when_created = "whenCreated",
    when_changed = "whenChanged",
    usn_created = "uSNCreated",
    usn_changed = "uSNChanged",
    create_time = "createTimeStamp",
    modify_time = "modifyTimeStamp",
    sam_account_name = "sAMAccountName",
    sam_account_type = "sAMAccountType",
    group_type = "groupType",
    member = "member",
    member_of = "memberOf",
    primary_group_id = "primaryGroupID",
    primary_group_token = "primaryGroupToken",
    user_account_control = "userAccountControl",
    user_principal_name = "userPrincipalName",
    display_name = "displayName",
    given_name = "givenName",
    sn = "sn",
    mail = "mail",
    proxy_addresses = "proxyAddresses",
    description = "description",
    admin_description = "adminDescription",
    admin_display_name = "adminDisplayName",
    admin_count = "adminCount",
    consistency_guid = "mS-DS-ConsistencyGuid",
    is_deleted = "isDeleted",
    is_recycled = "isRecycled",
    last_known_parent = "lastKnownParent",
    last_known_rdn = "msDS-LastKnownRDN",
    descriptor = "nTSecurityDescriptor",
    critical = "isCriticalSystemObject",
    system_flags = "systemFlags",
    advanced_view = "showInAdvancedViewOnly",
    canonical_name = "canonicalName",
    allowed_attributes = "allowedAttributes",
    allowed_attributes_effective = "allowedAttributesEffective",
    allowed_classes = "allowedChildClasses",
    allowed_classes_effective = "allowedChildClassesEffective",
    structural_class = "structuralObjectClass",
    parent_guid = "parentGUID",
    parent_dn = "msDS-parentdistname",
    token_groups = "tokenGroups",
    member_of_transitive = "msds-memberOfTransitive",
    member_transitive = "msds-memberTransitive",
    principal_name = "msDS-PrincipalName",
    subschema = "subSchemaSubEntry",
    well_known = "wellKnownObjects",
    sd_rights = "sDRightsEffective",
    password = "unicodePwd",
    user_password = "userPassword",
    invocation_id = "invocationId",
    up_to_date = "replUpToDateVector",
);

known!(
    KnownClasses,
    ClassId,
    top = "top",
    person = "person",
    group = "group",
    user = "user",
    computer = "computer",
    contact = "contact",
    organizational_unit = "organizationalUnit",
    container = "container",
    domain = "domainDNS",
    builtin = "builtinDomain",
    foreign = "foreignSecurityPrincipal",
    configuration = "configuration",
    schema = "dMD",
    attribute = "attributeSchema",
    class = "classSchema",
    lost_and_found = "lostAndFound",
    partitions = "crossRefContainer",
    cross_ref = "crossRef",
    sites = "sitesContainer",
    site = "site",
    servers = "serversContainer",
    server = "server",
    dsa = "nTDSDSA",
);

/// Everything the directory knows about attributes and classes.
#[derive(Debug)]
pub struct Schema {
    /// Attributes by id.
    pub attributes: Vec<Attribute>,
    /// Classes by id.
    pub classes: Vec<Class>,
    /// Attributes the rules speak of.
    pub a: KnownAttributes,
    /// Classes the rules speak of.
    pub c: KnownClasses,
    attribute_names: HashMap<String, AttrId>,
    class_names: HashMap<String, ClassId>,
}

/// Which additions to the base schema are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Additions {
    /// The attributes of Exchange preparation.
    pub exchange: bool,
    /// `msDS-ExternalDirectoryObjectId`.
    pub server_2016: bool,
}

impl Schema {
    /// Reads the tables.
    pub fn new(additions: Additions) -> Result<Arc<Self>, String> {
        load::schema(additions).map(Arc::new)
    }

    /// An attribute by `lDAPDisplayName` or object identifier.
    pub fn find(&self, name: &str) -> Option<AttrId> {
        if let Some(id) = self.attribute_names.get(name) {
            return Some(*id);
        }
        self.attribute_names
            .get(&name.to_ascii_lowercase())
            .copied()
    }

    /// A class by `lDAPDisplayName` or object identifier.
    pub fn find_class(&self, name: &str) -> Option<ClassId> {
        self.class_names.get(&name.to_ascii_lowercase()).copied()
    }

    /// The attribute with this id.
    pub fn attribute(&self, id: AttrId) -> &Attribute {
        &self.attributes[id as usize]
    }

    /// The class with this id.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id as usize]
    }

    /// Whether `class` is `ancestor` or derives from it.
    pub fn derives(&self, class: ClassId, ancestor: ClassId) -> bool {
        self.class(class).chain.contains(&ancestor)
    }

    /// Whether objects of `class` may be below objects of `parent`.
    pub fn may_be_below(&self, class: ClassId, parent: ClassId) -> bool {
        let chain = &self.class(parent).chain;
        self.class(class)
            .superiors
            .iter()
            .any(|superior| chain.contains(superior))
    }

    /// Whether objects of `class` may have `attribute`.
    pub fn allows(&self, class: ClassId, attribute: AttrId) -> bool {
        self.class(class).may.binary_search(&attribute).is_ok()
    }
}
