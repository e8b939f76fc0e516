//! An order of several option legs: the parent is no order on a book, its legs are, and it is of them that we tell.

use super::order::{LEGS, Order, RawOrder};
use super::update::{self, EXECUTION_ID, Execution, Head, PRICE, QUANTITY, TIMESTAMP, Telling, Times};
use super::words::{EventType, Meaning};
use super::{Context, rules};
use crate::error::ErrorCode;
use crate::fields::{Field, Fields};
use crate::model::{Control, Kind, Report};
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, TokenKind};
use crate::text::Text;

const EXECUTIONS: Field = Field::new("legs", "executions of legs");
const ORDER_ID: Field = Field::new("order_id", "order id");

/// One element of an array, with what it was read from.
struct Element<'a, T> {
    reader: Reader<'a>,
    value: T,
}

/// An execution of a leg.
struct LegExecution<'a> {
    order_id: Text<'a>,
    execution: Execution<'a>,
    time_ns: Option<i64>,
}

/// Where the values of each leg and of each execution stand: what a package is read from.
pub struct Places {
    legs: Vec<Fields>,
    executions: Vec<Fields>,
}

impl Places {
    /// Finds the legs of the order and the executions beside it.
    pub fn find(data: &Reader<'_>, order: &Reader<'_>, keys: &mut OpenKeys) -> Read<Self> {
        Ok(Self { legs: objects(order, &LEGS, keys)?, executions: objects(data, &EXECUTIONS, keys)? })
    }
}

fn objects(reader: &Reader<'_>, field: &Field, keys: &mut OpenKeys) -> Read<Vec<Fields>> {
    if reader.token(field).is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for token in reader.elements(field, keys)? {
        if token.kind != TokenKind::Object {
            return Err(reader.wrong_type(field, token, "an array of objects"));
        }
        let mut fields = Fields::default();
        reread_object(reader.source(), token, &mut fields, keys);
        found.push(fields);
    }
    Ok(found)
}

/// The legs as the frame shows them, words as they stand.
pub struct RawPackage<'a> {
    legs: Vec<Element<'a, RawOrder<'a>>>,
    executions: Vec<Element<'a, LegExecution<'a>>>,
}

impl<'a> RawPackage<'a> {
    /// Reads the fields.
    pub fn read(data: &Reader<'a>, head: &Head<'_>, places: &'a Places) -> Read<Self> {
        let mut legs = Vec::new();
        for fields in &places.legs {
            let reader = Reader::new(data.source(), fields, "leg");
            let value = RawOrder::read(&reader)?;
            if value.symbol.is_none() {
                return Err(reader.missing(&super::order::SYMBOL, "a string"));
            }
            legs.push(Element { reader, value });
        }
        let mut executions = Vec::new();
        if head.is_fill() {
            for fields in &places.executions {
                let reader = Reader::new(data.source(), fields, "execution of a leg");
                let order_id = reader.text(&ORDER_ID)?;
                let id = reader.text(&EXECUTION_ID)?;
                let price = reader.amount(&PRICE)?;
                let quantity = reader.amount(&QUANTITY)?;
                let time_ns = reader.optional_instant(&TIMESTAMP)?;
                let value = LegExecution { order_id, execution: Execution { id, price, quantity }, time_ns };
                executions.push(Element { reader, value });
            }
            if executions.is_empty() {
                return Err(data.missing(&EXECUTIONS, "the executions of the legs"));
            }
        }
        Ok(Self { legs, executions })
    }

    /// Replaces the venue's words by ours.
    pub fn resolve(self, context: &Context) -> Read<Package<'a>> {
        let mut legs = Vec::new();
        for Element { reader, value } in self.legs {
            if let (_, Some(order)) = value.resolve(&reader, context)? {
                reader.refuse_absurd()?;
                legs.push(Element { reader, value: order });
            }
        }
        for execution in &self.executions {
            execution.reader.refuse_absurd()?;
        }
        Ok(Package { legs, executions: self.executions })
    }
}

/// The legs in our words.
pub struct Package<'a> {
    legs: Vec<Element<'a, Order<'a>>>,
    executions: Vec<Element<'a, LegExecution<'a>>>,
}

impl Package<'_> {
    /// Appends what happened to each leg; where the frame does not say it all, that its records must tell.
    pub fn report(&self, event: EventType, told: Telling<'_>, out: &mut Vec<Report>) -> Read<()> {
        for leg in &self.legs {
            rules::check_order(&leg.reader, &leg.value)?;
        }
        match event.meaning() {
            Meaning::Fill(_) => {
                for execution in &self.executions {
                    self.report_execution(execution, told, out)?;
                }
            }
            Meaning::Step(kind) => {
                for leg in &self.legs {
                    if event.allows(leg.value.status) {
                        update::report_step(&leg.reader, &leg.value, event, kind, told, out)?;
                    } else {
                        out.push(doubt(&leg.value));
                    }
                }
            }
            Meaning::Note | Meaning::Anomaly(_) => {}
        }
        Ok(())
    }

    fn report_execution(
        &self,
        executed: &Element<'_, LegExecution<'_>>,
        told: Telling<'_>,
        out: &mut Vec<Report>,
    ) -> Read<()> {
        let LegExecution { order_id, execution, time_ns } = &executed.value;
        let id = order_id.value();
        let Some(leg) = self.legs.iter().find(|leg| leg.value.id.is(&id)) else {
            return Err(executed.reader.refuse(Refusal {
                code: ErrorCode::FillOutsideTrade,
                field: &ORDER_ID,
                says: "of no leg of the order",
                expected: "expected the id of one of its legs".into(),
            }));
        };
        if self.executions.iter().filter(|other| other.value.order_id.is(&id)).count() > 1 {
            // The leg is shown as it is after all of them, so none can be told from it.
            out.push(doubt(&leg.value));
            return Ok(());
        }
        let order = &leg.value;
        rules::check_execution(&executed.reader, &leg.reader, order, *execution)?;
        let is_complete = order.quantity.as_ref().is_some_and(|all| order.filled.cmp_magnitude(all).is_eq());
        let kind = if is_complete { Kind::Filled } else { Kind::PartiallyFilled };
        let transaction_ns = time_ns.unwrap_or(told.times.transaction_ns);
        rules::check_time(&executed.reader, &TIMESTAMP, transaction_ns, told.receipt)?;
        let told = Telling { times: Times { transaction_ns, ..told.times }, ..told };
        update::push(update::fill(order, kind, *execution, told, Vec::new()), &leg.reader, out)
    }
}

fn doubt(order: &Order<'_>) -> Report {
    Report::Control(Control::order_doubted(&order.instrument.symbol, &order.id.value()))
}
