use super::*;
use crate::base::{Budget, Pool, Quiet, Rng};
use crate::dataset::{Column, MISSING_CODE, MISSING_TIME};

fn with<R>(threads: usize, f: impl FnOnce(&Context<'_>) -> R) -> R {
    let (pool, budget) = (Pool::new(threads).unwrap(), Budget::unlimited());
    f(&Context { seed: 0, pool: &pool, budget: &budget, watch: &Quiet })
}

fn shop(rows: usize) -> Frame {
    let mut r = Rng::new(5);
    let mut c: Vec<Column> = Vec::new();
    let mut add = |name: &str, values| c.push(Column { name: name.into(), values });
    add("price", Values::Double((0..rows).map(|_| if r.uniform() < 0.1 { f64::NAN } else { r.normal().exp() * 20.0 }).collect()));
    add("stock", Values::Real((0..rows).map(|_| if r.uniform() < 0.01 { f32::INFINITY } else { r.below(50) as f32 }).collect()));
    add("gift", Values::Bool((0..rows).map(|_| r.below(3) as u8).collect()));
    let levels = vec!["toys".to_owned(), "food".into(), "rare".into()];
    let codes = (0..rows).map(|i| if i == 3 { 2 } else { [0, 1, MISSING_CODE][r.below(3)] }).collect();
    add("kind", Values::Category { codes, levels });
    add("seen", Values::Time((0..rows).map(|_| if r.uniform() < 0.2 { MISSING_TIME } else { r.below(1 << 50) as i64 }).collect()));
    let mut v: Vec<f32> = (0..rows * 3).map(|_| r.normal() as f32).collect();
    v[6..9].fill(f32::NAN);
    add("tags", Values::Vector { width: 3, values: v });
    add("constant", Values::Real(vec![4.0; rows]));
    Frame::new(c).unwrap()
}

const NAMES: [&str; 7] = ["price", "stock", "gift", "kind", "seen", "tags", "constant"];

#[test]
fn one_row_is_encoded_as_the_frame_is_and_stored_encoders_come_back() {
    let f = shop(10_000);
    let rows: Vec<u32> = (0..10_000).collect();
    for numbers in [Scaling::Quantile, Scaling::Standard, Scaling::Minmax] {
        let o = Options { numbers, ..Options::default() };
        let (e, x) = with(2, |ctx| {
            let e = Encoder::fit(&f, &NAMES, &rows[..8000], &o, ctx).unwrap();
            let x = e.frame(&f, &rows, ctx).unwrap();
            (e, x)
        });
        assert_eq!(x.dim(), (10_000, e.width()));
        assert_eq!(e.inputs().len(), 6, "the constant column is left out");
        assert_eq!(x, with(1, |ctx| e.frame(&f, &rows, ctx)).unwrap());
        let back: Encoder = serde_json::from_str(&serde_json::to_string(&e).unwrap()).unwrap();
        assert_eq!(back, e);
        let mut out = vec![9.0; e.width()];
        for i in (0..10_000).step_by(17).chain([2, 3]) {
            let row: Vec<Cell> = e.inputs().iter().map(|c| f.column(&c.name).unwrap().values.cell(i)).collect();
            back.row(&row, &mut out).unwrap();
            assert_eq!(out, x.row(i).to_vec(), "row {i}");
            assert!(out.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn wrong_values_are_named() {
    let f = shop(500);
    let rows: Vec<u32> = (0..500).collect();
    let e = with(1, |ctx| Encoder::fit(&f, &["price", "tags"], &rows, &Options::default(), ctx)).unwrap();
    let mut out = vec![0.0; e.width()];
    let v = [1.0f32, 2.0, 3.0];
    e.row(&[Cell::Missing, Cell::Vector(&v)], &mut out).unwrap();
    let fault = e.row(&[Cell::Text("12"), Cell::Vector(&v)], &mut out).unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (Code::WrongType, "column \"price\" has the wrong type"));
    assert_eq!(fault.detail.as_deref(), Some("It is the text \"12\"; the model was trained on numbers."));
    let fault = e.row(&[Cell::Number(1.0), Cell::Vector(&v[..2])], &mut out).unwrap_err();
    assert_eq!(
        (fault.code, fault.detail.as_deref()),
        (Code::ArrayLength, Some("It is an array of 2 numbers; the model was trained on arrays of 3 numbers."))
    );
    assert_eq!(e.row(&[Cell::Missing], &mut out).unwrap_err().code, Code::ArrayLength);
    let other = Frame::new(vec![
        Column { name: "price".into(), values: Values::Bool(vec![1]) },
        Column { name: "tags".into(), values: Values::Real(vec![1.0]) },
    ]);
    let fault = with(1, |ctx| e.frame(&other.unwrap(), &[0], ctx)).unwrap_err();
    assert_eq!((fault.code, fault.detail.as_deref()), (Code::WrongType, Some("It holds booleans; the model was trained on numbers.")));
    let fault = with(1, |ctx| e.frame(&Frame::default(), &[], ctx)).unwrap_err();
    assert_eq!(fault.code, Code::UndefinedColumn);
}

#[test]
fn a_column_without_values_is_no_input() {
    let c = |name: &str, values| Column { name: name.into(), values: Values::Real(values) };
    let f = Frame::new(vec![c("a", vec![f32::NAN; 4]), c("b", vec![1.0, 2.0, 3.0, 4.0])]).unwrap();
    let e = with(1, |ctx| Encoder::fit(&f, &["a", "b"], &[0, 1, 2, 3], &Options::default(), ctx)).unwrap();
    assert_eq!(e.inputs().iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn few_numbers_have_inputs_of_their_own_and_many_rare_texts_sparse_ones() {
    let n = 600;
    let shops: Vec<String> = (0..200).map(|i| format!("shop {i}")).collect();
    let f = Frame::new(vec![
        Column { name: "x".into(), values: Values::Double((0..n).map(|i| [0.0, 1.0, 2.0, 7.0][i % 4]).collect()) },
        Column { name: "shop".into(), values: Values::Category { codes: (0..n).map(|i| (i / 3) as u32).collect(), levels: shops } },
    ])
    .unwrap();
    let rows: Vec<u32> = (0..n as u32).collect();
    let o = Options { number_levels: 32, ..Options::default() };
    let e = with(1, |ctx| Encoder::fit(&f, &["x", "shop"], &rows, &o, ctx)).unwrap();
    // x: its rank and four places; the shops: one place that they share, and 256 sparse ones
    assert_eq!((e.width(), e.text_width()), (1 + 4 + 1, 256));
    let mut out = vec![0.0; e.width()];
    e.row(&[Cell::Number(2.0), Cell::Text("shop 7")], &mut out).unwrap();
    assert_eq!(out[1..], [0.0, 0.0, 0.3, 0.0, 1.0]);
    e.row(&[Cell::Number(1.5), Cell::Missing], &mut out).unwrap();
    assert_eq!(out[1..5], [0.0; 4]);
    let (mut grams, mut sparse) = (Grams::default(), Vec::new());
    let mut of = |t: &str| {
        e.row_texts(&[Cell::Number(1.0), Cell::Text(t)], &mut grams, &mut sparse);
        sparse.clone()
    };
    assert!(of("shop 7").len() == 1 && of("shop 7") != of("shop 8") && of("shop 7")[0].1 == 1.0);
    let back: Encoder = serde_json::from_str(&serde_json::to_string(&e).unwrap()).unwrap();
    assert_eq!(back, e);
}

#[test]
fn hostile_encoders_are_refused() {
    let f = shop(500);
    let rows: Vec<u32> = (0..500).collect();
    let e = with(1, |ctx| Encoder::fit(&f, &["price", "tags"], &rows, &Options::default(), ctx)).unwrap();
    let text = serde_json::to_string(&e).unwrap();
    for (from, to) in [("{\"vector\":3}", "{\"vector\":4}"), ("\"number\"}", "\"text\"}")] {
        assert!(text.contains(from), "{text}");
        assert!(serde_json::from_str::<Encoder>(&text.replacen(from, to, 1)).is_err());
    }
}

#[test]
fn a_row_of_numbers_is_encoded_as_its_cells_are() {
    let mut r = Rng::new(3);
    let column = |name: &str, values| Column { name: name.into(), values: Values::Double(values) };
    for (holes, numbers) in [(0.0, Scaling::Standard), (0.0, Scaling::Quantile), (0.1, Scaling::Standard)] {
        let mut draw = || (0..400).map(|_| if r.uniform() < holes { f64::NAN } else { r.normal().exp() }).collect();
        let f = Frame::new(vec![column("price", draw()), column("weight", draw()), column("stock", draw())]).unwrap();
        let options = Options { numbers, ..Options::default() };
        let e = with(1, |ctx| Encoder::fit(&f, &["price", "weight", "stock"], &(0..400).collect::<Vec<_>>(), &options, ctx)).unwrap();
        assert!(e.takes_numbers());
        let (mut a, mut b) = (vec![7.0; e.width()], vec![8.0; e.width()]);
        for row in [[0.5, 1e9, -1e300], [f64::NAN, 2.0, f64::INFINITY], [1.0, f64::NEG_INFINITY, 0.1]] {
            e.row(&row.map(Cell::Number), &mut a).unwrap();
            e.numbers(&row, &mut b).unwrap();
            assert_eq!(a, b, "{row:?}");
        }
        assert_eq!(e.numbers(&[1.0], &mut b).unwrap_err().code, Code::ArrayLength);
    }
}

#[test]
fn an_element_that_is_the_same_in_all_rows_comes_back() {
    let mut r = Rng::new(4);
    let values = (0..300).flat_map(|_| [r.normal() as f32, 7.5, -2.0]).collect();
    let f = Frame::new(vec![Column { name: "v".into(), values: Values::Vector { values, width: 3 } }]).unwrap();
    let e = with(1, |ctx| Encoder::fit(&f, &["v"], &(0..300).collect::<Vec<_>>(), &Options { whole: true, ..Options::default() }, ctx))
        .unwrap();
    let mut out = [9.0; 3];
    e.row(&[Cell::Vector(&[0.5, 8.0, -2.0])], &mut out).unwrap();
    assert_eq!(out[1..], [0.0; 2]);
    let Decoded::Vector(back) = e.decode(0, &[out[0], 0.3, -0.1]) else { panic!() };
    assert!((back[0] - 0.5).abs() < 1e-5 && back[1..] == [7.5, -2.0], "{back:?}");
    // nothing but such elements is no input
    let f = Frame::new(vec![Column { name: "v".into(), values: Values::Vector { values: vec![1.0; 300], width: 3 } }]).unwrap();
    assert!(with(1, |ctx| Encoder::fit(&f, &["v"], &(0..100).collect::<Vec<_>>(), &Options::default(), ctx)).unwrap().inputs().is_empty());
}
