use super::*;
use crate::dataset::{Column, Id};

fn texts(name: &str, rows: &[&str]) -> Column {
    let levels: Vec<String> = rows.iter().map(|r| (*r).to_owned()).collect();
    let code = |r: &&str| if r.is_empty() { MISSING_CODE } else { levels.iter().position(|l| l == r).unwrap() as u32 };
    Column { name: name.into(), values: Values::Category { codes: rows.iter().map(code).collect(), levels: levels.clone() } }
}

fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), values }
}

fn shop() -> Frame {
    Frame::new(vec![
        texts("id", &["1", "2", "3", "4", "5", "6", "7", "8"]),
        texts("kind", &["shoe", "shoe", "shoe", "hat", "hat", "hat", "scarf", ""]),
        texts("maker", &["a", "a", "b", "b", "b", "b", "a", "a"]),
        texts("title", &["Red shoe", "red SHOES", "blue shoe", "blue hat", "Hat, red", "old hat", "红色围巾", "围巾"]),
        column("sold", Values::Bool(vec![1, 1, 1, 0, 0, 2, 1, 1])),
        column("size", Values::Double(vec![7.0, 7.0, 9.0, 7.0, 9.0, 9.0, f64::NAN, 7.0])),
        column("price", Values::Real((0..8).map(|i| i as f32 * 1.5).collect())),
        column(
            "tags",
            Values::Labels {
                ends: vec![2, 3, 4, 4, 5, 6, 7, 8],
                codes: vec![0, 1, 0, 1, 0, 1, 0, MISSING_CODE],
                levels: vec!["new".into(), "sale".into()],
            },
        ),
        column("since", Values::Time(vec![0; 8])),
        texts("same", &["x"; 8]),
    ])
    .unwrap()
}

fn described(frame: &Frame, rows: &[u32]) -> Result<DescribedItems> {
    DescribedItems::of(frame, rows, &Budget::unlimited())
}

/// The texts of an item's values by field.
fn said(d: &DescribedItems, values: &[u32]) -> Vec<String> {
    let fields = d.columns.fields();
    let text = |v: &u32| {
        let field = fields.iter().position(|f| f.contains(v)).unwrap();
        match d.columns.values.get(field) {
            Some(known) => match known.id(v - fields[field].start) {
                Id::Text(t) => format!("{}={t}", d.columns.state.columns[field].name),
                Id::Integer(_) => unreachable!(),
            },
            None => "pair".to_owned(),
        }
    };
    values.iter().map(text).filter(|t| t != "pair").collect()
}

#[test]
fn each_type_is_taken_apart_in_its_own_way() {
    let d = described(&shop(), &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    // Eight prices in ten levels: no two share one.
    assert_eq!(d.left_out, ["price", "since", "same"]);
    assert_eq!(
        said(&d, d.values.of(0)),
        ["kind=shoe", "maker=a", "title=red", "title=shoe", "sold=true", "size=7", "tags=new", "tags=sale"]
    );
    // Words of scripts without blanks are of two characters.
    assert_eq!(said(&d, d.values.of(6)), ["kind=scarf", "maker=a", "title=围巾", "title=红色", "title=色围", "sold=true", "tags=new"]);
    assert_eq!(said(&d, d.values.of(7)), ["maker=a", "title=围巾", "sold=true", "size=7"]);
}

#[test]
fn numbers_become_levels_and_pairs_are_values_of_their_own() {
    let ids: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let prices = column("price", Values::Double((0..40).map(|i| f64::from(i) * 1.5).collect()));
    let d = described(&Frame::new(vec![texts("id", &ids), prices]).unwrap(), &(0..40).collect::<Vec<_>>()).unwrap();
    let level = |i: usize| said(&d, d.values.of(i))[0].clone();
    assert_eq!([level(0), level(3), level(4), level(39)], ["price=0", "price=0", "price=1", "price=9"]);
    // What is together in one item only is kept: a later one may be the second. Item 6 has no kind, so fewer columns to take together.
    let d = described(&shop(), &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let pairs = d.columns.state.columns.len();
    let pairs_of = |i: usize| d.values.of(i).iter().filter(|v| **v >= d.columns.firsts[pairs]).count();
    assert!(pairs_of(2) > 0 && pairs_of(2) > pairs_of(6), "{:?}", d.columns.state.together);
    assert_eq!(d.columns.fields().len(), pairs + d.columns.state.together.len());
}

#[test]
fn later_rows_are_read_alike_whatever_became_of_the_columns() {
    let d = described(&shop(), &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let later = Frame::new(vec![
        texts("id", &["20", "21"]),
        texts("title", &["The RED scarf", ""]),
        column("maker", Values::Double(vec![1.0, 2.0])),
        texts("kind", &["hat", "sock"]),
        column("sold", Values::Bool(vec![0, 1])),
    ])
    .unwrap();
    let values = d.columns.of_rows(&later, &[0, 1, MISSING_CODE], &Budget::unlimited()).unwrap();
    assert_eq!(said(&d, values.of(0)), ["kind=hat", "title=red", "sold=false"]);
    assert_eq!((said(&d, values.of(1)), values.of(2), values.of(9)), (vec!["sold=true".to_owned()], &[][..], &[][..]));
}

#[test]
fn columns_and_values_come_back_and_hostile_ones_are_refused() {
    let d = described(&shop(), &[0, 1, 2, 3, 4, 5, 6, MISSING_CODE]).unwrap();
    assert!(d.values.of(7).is_empty());
    let tensors: Vec<Tensor> = d.columns.to_tensors("items.value").into_iter().chain(d.values.to_tensors("of")).collect();
    assert_eq!(ItemColumns::from_tensors("items.value", d.columns.state.clone(), &tensors).unwrap(), d.columns);
    let again = |tensors: &[Tensor]| ItemValues::from_tensors("of", 8, d.columns.len(), tensors);
    assert_eq!(again(&tensors).unwrap(), d.values);
    assert_eq!(ItemValues::from_tensors("of", 8, d.columns.len() - 1, &tensors).unwrap_err().code, Code::Corrupt);
    let at = |name: &str| tensors.iter().position(|t| t.name == name).unwrap();
    for (name, numbers) in [
        ("of.end", Numbers::I64(vec![-1; 8].into())),
        ("of.end", Numbers::I64(vec![1 << 40; 8].into())),
        ("of.of", Numbers::U8(vec![255; 400].into())),
        ("of.of", Numbers::U8(vec![0; 400].into())),
    ] {
        let mut bad = tensors.clone();
        bad[at(name)].numbers = numbers;
        assert_eq!(again(&bad).unwrap_err().code, Code::Corrupt, "{name}");
    }
    let mut state = d.columns.state.clone();
    state.together[0].0 = vec![99];
    assert_eq!(ItemColumns::from_tensors("items.value", state, &tensors).unwrap_err().code, Code::Corrupt);
}

#[test]
fn columns_that_tell_nothing_are_an_error() {
    let frame = Frame::new(vec![texts("id", &["1", "2", "3"]), texts("title", &["one", "two", "three"])]).unwrap();
    let e = described(&frame, &[0, 1, 2]).unwrap_err();
    assert_eq!((e.code, e.detail.as_deref()), (Code::Data, Some("Columns are: title.")));
}
