use proptest::prelude::*;

use super::tests::group;
use super::*;

/// Text made of the language's own pieces gets much deeper than random text.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just(",".to_owned()),
        Just("\"".to_owned()),
        Just("\"a😀\"".to_owned()),
        Just("[mail]".to_owned()),
        Just("[proxyAddresses]".to_owned()),
        Just("-3".to_owned()),
        Just("9".to_owned()),
        Just(" = ".to_owned()),
        Just("TRUE".to_owned()),
        prop::sample::select(
            functions::SIGNATURES
                .iter()
                .map(|s| format!("{}(", s.name))
                .collect::<Vec<_>>()
        ),
    ];
    prop::collection::vec(piece, 0..25).prop_map(|p| p.concat())
}

fn argument(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just(r#""a😀b""#.to_owned()),
        Just("[mail]".to_owned()),
        Just("[description]".to_owned()),
        Just("[proxyAddresses]".to_owned()),
        Just("[mailEnabled]".to_owned()),
        (-5i64..60).prop_map(|n| n.to_string()),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let call = (
        0..functions::SIGNATURES.len(),
        prop::collection::vec(argument(depth - 1), 1..5),
    )
        .prop_map(|(f, a)| format!("{}({})", functions::SIGNATURES[f].name, a.join(",")));
    prop_oneof![leaf, call].boxed()
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn no_pieces_make_the_parser_panic(text in pieces()) {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.position <= text.encode_utf16().count());
        }
    }

    #[test]
    fn what_parses_can_be_computed_or_says_why(text in argument(3)) {
        if let Ok(parsed) = Expression::parse(&text) {
            let _ = parsed.eval(&group());
            let _ = parsed.eval(&CloudGroup::default());
        }
    }

    #[test]
    fn cuts_keep_to_the_limit(text in any::<String>(), start in 1i64..40, count in 0i64..60) {
        let group = CloudGroup { display_name: Some(text.clone()), ..CloudGroup::default() };
        for cut in [format!("Left([displayName],{count})"), format!("Mid([displayName],{start},{count})"), format!("Right([displayName],{count})")] {
            let Value::Text(part) = Expression::parse(&cut).unwrap().eval(&group).unwrap() else {
                panic!("{cut}");
            };
            prop_assert!(part.encode_utf16().count() as i64 <= count);
            prop_assert!(text.contains(&part));
        }
    }
}
