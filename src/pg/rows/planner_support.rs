//! A row that a query takes from one of its tables need not be built to be scored: the planner is told to pass the columns instead.
//!
//! Behind `SUPPORT affinity_internal.row_support`: `affinity.f(model, t)` becomes `affinity_internal.f_columns(model, names of t's columns,
//! t.a, t.b, …)`. It holds for every model, since all columns are passed; a table that is altered is planned anew. Building a row and
//! walking it costs as much as scoring it: a million scores of 20 columns took .46 s of processor time with rows, .24 with columns.
//! Postgres, "Function Optimization Information".

use crate::pg::backend::{compat, text};
use crate::pg::call::arguments::Call;
use crate::pg::rows::record::name;
use pgrx::{Internal, PgTupleDesc, is_a, pg_sys};
use std::ffi::{CStr, CString};

/// The most columns that are passed: a call takes 100 arguments.
const MOST: usize = pg_sys::FUNC_MAX_ARGS as usize - 2;

/// Answers the planner: an expression to put in the place of the call, or a null pointer for "as it is".
pub(crate) fn support(call: Call<'_>) -> Internal {
    let request = call.datum(0).map_or(std::ptr::null_mut(), |d| d.cast_mut_ptr::<pg_sys::Node>());
    // SAFETY: Postgres hands over a node, whose tag says what it is; this one lives as long as the call.
    let better = unsafe {
        if !request.is_null() && is_a(request, pg_sys::NodeTag::T_SupportRequestSimplify) {
            let request = &*request.cast::<pg_sys::SupportRequestSimplify>();
            simplified(request)
        } else {
            None
        }
    };
    Internal::from(Some(pg_sys::Datum::from(better.unwrap_or(std::ptr::null_mut()))))
}

/// The columns of a row, as expressions.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    expressions: Vec<*mut pg_sys::Node>,
}

impl Columns {
    fn push(&mut self, name: String, expression: *mut pg_sys::Node) {
        self.names.push(name);
        self.expressions.push(expression);
    }
}

/// # Safety
/// `request` is one of the running planner.
unsafe fn simplified(request: &pg_sys::SupportRequestSimplify) -> Option<*mut pg_sys::FuncExpr> {
    // SAFETY: the planner's structures are whole and live while it asks; what is made here is made in its memory context.
    unsafe {
        let root = request.root.as_ref()?;
        let query = root.parse.as_ref()?;
        // Where a row can become NULL as a whole (an outer join), its columns would not say so; and what is grouped by the row is not
        // grouped by its columns.
        if outer_join(query) || !query.groupClause.is_null() || !query.groupingSets.is_null() {
            return None;
        }
        let call = request.fcall.as_ref()?;
        let &[model, row] = members::<pg_sys::Node>(call.args) else { return None };
        let columns = if is_a(row, pg_sys::NodeTag::T_Var) {
            of_table(query, &*row.cast::<pg_sys::Var>())?
        } else if is_a(row, pg_sys::NodeTag::T_RowExpr) {
            of_row(&*row.cast::<pg_sys::RowExpr>())?
        } else {
            return None;
        };
        let target = sibling(call.funcid)?;
        // As for a function that is inlined: the right to call the one that is replaced is asked for here.
        if columns.names.len() > MOST || !compat::may_execute(call.funcid) {
            return None;
        }
        let all = list([model, names(&columns.names)].into_iter().chain(columns.expressions));
        let explicit = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        Some(pg_sys::makeFuncExpr(target, call.funcresulttype, all, call.funccollid, call.inputcollid, explicit))
    }
}

/// Whether rows of a query may be made NULL by a join.
unsafe fn outer_join(query: &pg_sys::Query) -> bool {
    // SAFETY: the range table of a whole query.
    unsafe {
        members::<pg_sys::RangeTblEntry>(query.rtable)
            .iter()
            .any(|&t| (*t).rtekind == pg_sys::RTEKind::RTE_JOIN && (*t).jointype != pg_sys::JoinType::JOIN_INNER)
    }
}

/// The columns of a whole-row reference to a table of the query itself.
unsafe fn of_table(query: &pg_sys::Query, row: &pg_sys::Var) -> Option<Columns> {
    // SAFETY: a variable of the query counts its range table from 1; the descriptor's reference is given back when it is dropped.
    unsafe {
        if row.varattno != 0 || row.varlevelsup != 0 {
            return None;
        }
        let number = usize::try_from(row.varno).ok()?.checked_sub(1)?;
        let table = *members::<pg_sys::RangeTblEntry>(query.rtable).get(number)?;
        if (*table).rtekind != pg_sys::RTEKind::RTE_RELATION {
            return None;
        }
        let desc = PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(row.vartype, row.vartypmod));
        let mut columns = Columns::default();
        for a in desc.iter().filter(|a| !a.attisdropped) {
            let column = pg_sys::makeVar(row.varno, a.attnum, a.atttypid, a.atttypmod, a.attcollation, 0);
            columns.push(name(a), column.cast());
        }
        Some(columns)
    }
}

/// The columns of a row that stands in the query as such: what is left of a view or a sub-select.
unsafe fn of_row(row: &pg_sys::RowExpr) -> Option<Columns> {
    // SAFETY: the expression's names are strings; a named row type's descriptor is given back when it is dropped.
    unsafe {
        let fields = members::<pg_sys::Node>(row.args);
        let mut columns = Columns::default();
        if row.row_typeid == pg_sys::RECORDOID {
            let names = members::<pg_sys::Node>(row.colnames);
            if names.len() != fields.len() {
                return None;
            }
            for (&name, &field) in names.iter().zip(fields) {
                let name = CStr::from_ptr(compat::string(name));
                columns.push(text::with_utf8(name.to_bytes(), str::to_owned), field);
            }
        } else {
            let desc = PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(row.row_typeid, -1));
            if desc.len() != fields.len() {
                return None;
            }
            for (a, &field) in desc.iter().zip(fields).filter(|(a, _)| !a.attisdropped) {
                columns.push(name(a), field);
            }
        }
        Some(columns)
    }
}

/// The function that takes the columns of what `function` takes the row of: its name and `_columns`, in the schema of the support function
/// that asks, which is the library's own whatever the schemas are called. Looked up in the catalogue, not by a path: nobody needs USAGE for
/// what the planner puts in; the executor asks for EXECUTE.
unsafe fn sibling(function: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: catalogue look-ups; the name is a NUL-terminated copy or NULL, and lives as long as the look-up; the types are as many as is
    // said.
    unsafe {
        let schema = pg_sys::get_func_namespace(pg_sys::get_func_support(function));
        let name = pg_sys::get_func_name(function);
        if schema == pg_sys::InvalidOid || name.is_null() {
            return None;
        }
        let name = CString::new([CStr::from_ptr(name).to_bytes(), b"_columns"].concat()).ok()?;
        let types = [pg_sys::TEXTOID, pg_sys::TEXTARRAYOID, pg_sys::ANYOID];
        let types = pg_sys::buildoidvector(types.as_ptr(), 3);
        let (cache, column) = (pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32, pg_sys::Anum_pg_proc_oid as pg_sys::AttrNumber);
        let none = pg_sys::Datum::null();
        let found = pg_sys::GetSysCacheOid(cache, column, name.as_ptr().into(), types.into(), schema.into(), none);
        (found != pg_sys::InvalidOid).then_some(found)
    }
}

/// The members of a list of nodes.
unsafe fn members<'a, T>(list: *mut pg_sys::List) -> &'a [*mut T] {
    // SAFETY: a list is null or has as many cells as it says; a cell of a list of nodes is a pointer.
    unsafe {
        match list.as_ref() {
            Some(l) => std::slice::from_raw_parts(l.elements.cast::<*mut T>(), usize::try_from(l.length).unwrap_or(0)),
            None => &[],
        }
    }
}

/// A list of nodes in the current memory context.
unsafe fn list(nodes: impl IntoIterator<Item = *mut pg_sys::Node>) -> *mut pg_sys::List {
    // SAFETY: nodes of the planner's context, where the list lives too.
    nodes.into_iter().fold(std::ptr::null_mut(), |l, n| unsafe { pg_sys::lappend(l, n.cast()) })
}

/// Names as a constant of type text[].
unsafe fn names(names: &[String]) -> *mut pg_sys::Node {
    // SAFETY: as many text datums as are said, in the planner's context as the array is.
    unsafe {
        let mut texts: Vec<pg_sys::Datum> = names.iter().map(|n| text::datum(n)).collect();
        let count = i32::try_from(texts.len()).unwrap_or(0);
        let align = pg_sys::TYPALIGN_INT as std::ffi::c_char;
        let array = pg_sys::construct_array(texts.as_mut_ptr(), count, pg_sys::TEXTOID, -1, false, align);
        let none = pg_sys::InvalidOid;
        pg_sys::makeConst(pg_sys::TEXTARRAYOID, -1, none, -1, pg_sys::Datum::from(array), false, false).cast()
    }
}
