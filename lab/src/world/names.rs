//! Names of people and groups in many scripts, with the plain ASCII form that addresses are made of.

use crate::rng::Rng;

/// Names of one language: what people see, and how it is written in an address.
struct Language {
    given: &'static [(&'static str, &'static str)],
    family: &'static [(&'static str, &'static str)],
    /// Chinese, Japanese and Korean write the family name first, without a space.
    family_first: bool,
    /// Out of a hundred people.
    share: u32,
}

/// A person's name.
pub(super) struct Person {
    pub(super) display: String,
    pub(super) given: &'static str,
    pub(super) family: &'static str,
}

#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
    Language { share: 40, family_first: false,
        given: &[("Anna","anna"),("James","james"),("Olivia","olivia"),("Noah","noah"),("Emma","emma"),("Lucas","lucas"),("Sofia","sofia"),("Peter","peter"),("Maria","maria"),("David","david"),("Laura","laura"),("Thomas","thomas")],
        family: &[("Smith","smith"),("Taylor","taylor"),("Brown","brown"),("Novak","novak"),("Rossi","rossi"),("Martin","martin"),("Jensen","jensen"),("O'Neill","oneill"),("van der Berg","vanderberg"),("Weber","weber"),("Clark","clark"),("Silva","silva")] },
    Language { share: 25, family_first: false,
        given: &[("Zoë","zoe"),("José","jose"),("Björn","bjorn"),("Łukasz","lukasz"),("Çağla","cagla"),("Søren","soren"),("Aurélie","aurelie"),("Jürgen","jurgen"),("Žofie","zofie"),("Íñigo","inigo"),("Ánh","anh")],
        family: &[("Müller","muller"),("Gårdström","gardstrom"),("Núñez","nunez"),("Wałęsa","walesa"),("Yıldız","yildiz"),("Ångström","angstrom"),("Dvořák","dvorak"),("Lefèvre","lefevre"),("Strauß","strauss"),("Nguyễn","nguyen"),("Kovačević","kovacevic")] },
    Language { share: 7, family_first: false,
        given: &[("Иван","ivan"),("Ольга","olga"),("Сергій","serhii"),("Анастасия","anastasia"),("Дмитрий","dmitry"),("Јована","jovana")],
        family: &[("Петров","petrov"),("Шевченко","shevchenko"),("Кузнецова","kuznetsova"),("Йорданов","yordanov"),("Јовановић","jovanovic")] },
    Language { share: 4, family_first: false,
        given: &[("Γιώργος","giorgos"),("Ελένη","eleni"),("Νίκος","nikos"),("Δήμητρα","dimitra")],
        family: &[("Παπαδόπουλος","papadopoulos"),("Οικονόμου","oikonomou"),("Νικολαΐδης","nikolaidis")] },
    Language { share: 4, family_first: false,
        given: &[("محمد","mohammed"),("فاطمة","fatima"),("خالد","khalid"),("ليلى","layla")],
        family: &[("الأحمد","alahmad"),("حدّاد","haddad"),("المصري","almasri")] },
    Language { share: 3, family_first: false,
        given: &[("דוד","david"),("נועה","noa"),("יעל","yael")],
        family: &[("כהן","cohen"),("לוי","levi"),("מזרחי","mizrahi")] },
    Language { share: 5, family_first: true,
        given: &[("伟","wei"),("秀英","xiuying"),("子涵","zihan"),("𠮷祥","jixiang")],
        family: &[("王","wang"),("李","li"),("欧阳","ouyang"),("陳","chen")] },
    Language { share: 4, family_first: true,
        given: &[("太郎","taro"),("さくら","sakura"),("ユウキ","yuki"),("陽菜","hina")],
        family: &[("佐藤","sato"),("𠮷田","yoshida"),("高橋","takahashi"),("鈴木","suzuki")] },
    Language { share: 3, family_first: true,
        given: &[("민준","minjun"),("서연","seoyeon"),("지우","jiwoo")],
        family: &[("김","kim"),("이","lee"),("박","park"),("최","choi")] },
    Language { share: 2, family_first: false,
        given: &[("สมชาย","somchai"),("สุดา","suda"),("อรทัย","orathai")],
        family: &[("ใจดี","jaidee"),("ศรีสุข","srisuk"),("วงศ์สวัสดิ์","wongsawat")] },
    Language { share: 3, family_first: false,
        given: &[("प्रिया","priya"),("अर्जुन","arjun"),("दीपिका","deepika")],
        family: &[("शर्मा","sharma"),("सिंह","singh"),("कृष्णन","krishnan")] },
];

/// Subjects that groups are about.
#[rustfmt::skip]
const SUBJECTS: &[(&str, &str)] = &[
    ("Sales","sales"),("Finance","finance"),("Human Resources","hr"),("Legal & Compliance","legal"),("IT Operations","itops"),("Marketing","marketing"),
    ("Research and Development","rnd"),("Facilities","facilities"),("Procurement","procurement"),("Customer Success","success"),("Project Aurora","aurora"),("Board of Directors","board"),
    ("Vertrieb Süd","vertrieb"),("Équipe Qualité","qualite"),("Logística México","logistica"),("Řízení jakosti","rizeni"),("Bokföring","bokforing"),("Łączność","lacznosc"),
    ("Отдел кадров","kadry"),("Бухгалтерия","buhgalteriya"),("Πωλήσεις","poliseis"),("Υποστήριξη","ypostirixi"),("المبيعات","mabiat"),("تقنية المعلومات","taqniya"),
    ("משאבי אנוש","mashabei"),("פיתוח","pituach"),("销售部","xiaoshou"),("财务共享中心","caiwu"),("営業部","eigyo"),("開発チーム","kaihatsu"),("인사팀","insa"),("고객지원","gogaek"),
    ("ฝ่ายขาย","faikhai"),("บัญชี","banchi"),("बिक्री विभाग","bikri"),("लेखा","lekha"),("🚀 Launch Crew","launch"),("Coffee ☕ Club","coffee"),("👩‍💻 Developers","developers"),("𝔗𝔢𝔞𝔪 Gothic","gothic"),
];

#[rustfmt::skip]
const PLACES: &[&str] = &[
    "Oslo","Zürich","São Paulo","Kraków","Αθήνα","Москва","القاهرة","ירושלים","北京","東京","서울","กรุงเทพ","मुंबई","Chicago","Nairobi","Québec","Malmö","EMEA","APAC","North",
];

const KINDS: &[&str] = &[
    "",
    " Team",
    " Project",
    " Managers",
    " All Staff",
    " Announcements",
    " (external)",
    " 2026",
];

/// Names that have broken some product somewhere. Each is used once, early in the tenant.
pub(super) fn awkward() -> Vec<String> {
    let rest = [
        "Doe, John + Partners",
        "Quotes \"inside\" the name",
        "Back\\slash and / slash",
        "Less < More > Most",
        "Semi;colon=equals",
        "#Leading hash",
        "# ",
        " Leading space",
        "Trailing space ",
        "  Two  spaces  everywhere  ",
        "Star * (all) ) (",
        "(cn=*)(|(objectClass=*",
        "CN=Nested,DC=name",
        "Café",
        "Cafe",
        "CAFÉ",
        "cafe\u{301}",
        "straße",
        "STRASSE",
        "ΑΘΗΝΑ",
        "αθήνα",
        "İstanbul ıssız",
        "Zero\u{200b}width and \u{202e}right-to-left override",
        "non\u{a0}breaking\u{a0}space",
        "e\u{301}e\u{301}e\u{301} combining",
        "🇳🇴🏳️‍🌈👨‍👩‍👧‍👦",
        "𠮷野家 𠜎𠜱𠝹",
        "مجموعة Mixed כיוון 123",
        "Tab\tinside",
        "100% _under_score_ `tick` $(whoami) ${x} %PATH%",
        "'; DROP TABLE groups; --",
        "<script>alert('x')</script>",
        "CON",
        ".",
        "-",
    ];
    let mut names = Vec::new();
    // 50 plain characters, then one that takes two UTF-16 units: a cut at 51 falls into it.
    names.push(format!(
        "{}🧭 compass",
        "A cut at fifty-one units falls into the next sign:"
    ));
    names.push(format!("{}𠮷 long tail of the name", "見".repeat(50)));
    // The longest names that Entra allows, in units of one and of two.
    names.push("Maximum length ".chars().cycle().take(256).collect());
    names.push("😀".repeat(128));
    names.push(format!("{}é", "ε".repeat(255)));
    names.extend(rest.iter().map(|name| (*name).to_owned()));
    names
}

/// A person's name, from a language chosen by its share.
pub(super) fn person(rng: &mut Rng) -> Person {
    let mut point = rng.below(100) as u32;
    let mut chosen = &LANGUAGES[0];
    for language in LANGUAGES {
        if point < language.share {
            chosen = language;
            break;
        }
        point -= language.share;
    }
    let (given, plain_given) = *rng.pick(chosen.given);
    let (family, plain_family) = *rng.pick(chosen.family);
    let display = if chosen.family_first {
        format!("{family}{given}")
    } else {
        format!("{given} {family}")
    };
    Person {
        display,
        given: plain_given,
        family: plain_family,
    }
}

/// A group's name and the ASCII word for its address.
pub(crate) fn group(rng: &mut Rng) -> (String, &'static str) {
    let (subject, plain) = *rng.pick(SUBJECTS);
    let kind = rng.pick(KINDS);
    let name = match rng.below(3) {
        0 => format!("{subject}{kind}"),
        1 => format!("{subject} {}{kind}", rng.pick(PLACES)),
        _ => format!("{} – {subject}{kind}", rng.pick(PLACES)),
    };
    (name, plain)
}

/// A description: absent, ordinary, or longer than the 448 units that AD gets.
pub(super) fn description(rng: &mut Rng, name: &str) -> Option<String> {
    const SENTENCES: &[&str] = &[
        "Owned by the department; ask before you add guests. ",
        "Für interne Zwecke; Änderungen über das Portal. ",
        "Для внутренней переписки. ",
        "社内連絡用のグループです。",
        "قائمة داخلية. ",
        "Everything about releases 🎉 and on-call. ",
    ];
    let mut text = format!("{name}: ");
    match rng.below(100) {
        0..20 => return None,
        20..24 => {
            let wanted = 449 + rng.below(500);
            while text.encode_utf16().count() < wanted {
                text.push_str(rng.pick::<&str>(SENTENCES));
            }
            cut_utf16(&mut text, 1024);
        }
        24..27 => text = format!("  {}\r\nSecond line  ", rng.pick(SENTENCES)),
        _ => text.push_str(rng.pick(SENTENCES).trim_end()),
    }
    Some(text)
}

/// Cuts a text to at most `units` UTF-16 units, never inside a character.
pub(crate) fn cut_utf16(text: &mut String, units: usize) {
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += character.len_utf16();
        used > units
    });
    if let Some((position, _)) = end {
        text.truncate(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(
            LANGUAGES.iter().map(|language| language.share).sum::<u32>(),
            100
        );
    }

    #[test]
    fn awkward_names_fit_entra_and_some_break_a_cut_at_51() {
        let names = awkward();
        assert!(
            names
                .iter()
                .all(|name| (1..=256).contains(&name.encode_utf16().count()))
        );
        let high = |name: &&String| {
            name.encode_utf16()
                .nth(50)
                .is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
        };
        assert!(names.iter().filter(high).count() >= 3);
    }

    #[test]
    fn cutting_keeps_characters_whole() {
        let mut text = "ab😀c".to_owned();
        cut_utf16(&mut text, 3);
        assert_eq!(text, "ab");
    }
}
