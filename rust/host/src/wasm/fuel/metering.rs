//! The compiler middleware that writes the charges into a module's functions.

use std::sync::OnceLock;

use wasmer::sys::wasmparser::{Operator, ValType};
use wasmer::sys::{FunctionMiddleware, MiddlewareError, MiddlewareReaderState, ModuleMiddleware};
use wasmer::{
    ExportIndex, GlobalInit, GlobalType, LocalFunctionIndex, ModuleInfo, Mutability, Type,
};

use crate::wasm::fuel::charges::{Growth, MeteringGlobals};
use crate::wasm::fuel::{FUEL, KEPT_GLOBAL, REFUSED, RESERVED_PREFIX, START, costs};

const NAME: &str = "fuel metering";

/// Meters one module. The global indexes differ between modules, so an engine that has compiled a
/// module with it refuses a second one.
#[derive(Debug, Default)]
pub(crate) struct Metering {
    globals: OnceLock<MeteringGlobals>,
}

impl ModuleMiddleware for Metering {
    fn generate_function_middleware<'a>(
        &self,
        _: LocalFunctionIndex,
    ) -> Box<dyn FunctionMiddleware<'a> + 'a> {
        Box::new(FunctionMetering::new(self.globals.get().copied()))
    }

    fn transform_module_info(&self, module: &mut ModuleInfo) -> Result<(), MiddlewareError> {
        if let Some(name) = module.exports.keys().find(|name| name.starts_with(RESERVED_PREFIX)) {
            return Err(MiddlewareError::new(NAME, format!("reserved export name {name:?}")));
        }
        if let Some(start) = module.start_function.take() {
            module.exports.insert(START.to_owned(), ExportIndex::Function(start));
        }
        export_mutable_globals(module);
        let globals = MeteringGlobals {
            fuel: add_global(module, Some(FUEL), Type::I64, GlobalInit::I64Const(0)),
            refused: add_global(module, Some(REFUSED), Type::I32, GlobalInit::I32Const(0)),
            operand: add_global(module, None, Type::I32, GlobalInit::I32Const(0)),
            result: add_global(module, None, Type::I32, GlobalInit::I32Const(0)),
        };
        self.globals.set(globals).map_err(|_| MiddlewareError::new(NAME, "shared by two modules"))
    }
}

/// Exports the guest's mutable globals, so that they can be copied to an instance of other code.
fn export_mutable_globals(module: &mut ModuleInfo) {
    let mutable = module.globals.iter().filter(|(_, global)| global.mutability.is_mutable());
    let exports = mutable
        .map(|(index, _)| (format!("{KEPT_GLOBAL}{}", index.as_u32()), ExportIndex::Global(index)));
    let exports: Vec<_> = exports.collect();
    module.exports.extend(exports);
}

fn add_global(module: &mut ModuleInfo, name: Option<&str>, ty: Type, init: GlobalInit) -> u32 {
    let index = module.globals.push(GlobalType::new(ty, Mutability::Var));
    module.global_initializers.push(init);
    if let Some(name) = name {
        module.exports.insert(name.to_owned(), ExportIndex::Global(index));
    }
    index.as_u32()
}

/// Counts the units of each basic block and charges them at its end.
///
/// Fuel is checked less often than it is charged: at the first charge of a function and at each
/// backward jump. So no loop and no recursion runs without a check, and at most one function body runs
/// between two checks. This halves the cost of metering.
#[derive(Debug)]
struct FunctionMetering {
    globals: Option<MeteringGlobals>,
    pending: u64,
    asked: bool,
    /// The blocks that enclose the operator; true for a loop.
    blocks: Vec<bool>,
}

impl FunctionMetering {
    fn new(globals: Option<MeteringGlobals>) -> Self {
        Self { globals, pending: 0, asked: false, blocks: Vec::new() }
    }

    fn take(&mut self) -> u64 {
        std::mem::take(&mut self.pending)
    }

    fn follow(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::If { .. } => self.blocks.push(false),
            Operator::Loop { .. } => self.blocks.push(true),
            Operator::End => drop(self.blocks.pop()),
            _ => {}
        }
    }

    /// Whether `operator` may jump backward, to the head of a loop.
    fn jumps_back(&self, operator: &Operator<'_>) -> Result<bool, MiddlewareError> {
        let is_loop = |depth: u32| self.blocks.iter().rev().nth(depth as usize) == Some(&true);
        Ok(match operator {
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                is_loop(*relative_depth)
            }
            Operator::BrTable { targets } => {
                let mut back = is_loop(targets.default());
                for depth in targets.targets() {
                    let depth = depth.map_err(|e| MiddlewareError::new(NAME, e.to_string()))?;
                    back |= is_loop(depth);
                }
                back
            }
            _ => false,
        })
    }
}

impl<'a> FunctionMiddleware<'a> for FunctionMetering {
    fn locals_info(&mut self, locals: &[ValType]) {
        self.pending += costs::of_entry(locals.len());
    }

    fn feed(
        &mut self,
        operator: Operator<'a>,
        out: &mut MiddlewareReaderState<'a>,
    ) -> Result<(), MiddlewareError> {
        let globals = self
            .globals
            .ok_or_else(|| MiddlewareError::new(NAME, "a function came before its module"))?;
        self.pending += costs::of(&operator);
        match &operator {
            Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. } => globals.charge_length(self.take(), true, out),
            Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => globals.charge_length(self.take(), false, out),
            Operator::MemoryGrow { .. } => {
                globals.keep_growth(out);
                out.push_operator(operator);
                globals.charge_growth(Growth::Pages, out);
                return Ok(());
            }
            Operator::TableGrow { .. } => {
                globals.keep_growth(out);
                out.push_operator(operator);
                globals.charge_growth(Growth::Elements, out);
                return Ok(());
            }
            _ if self.pending > 0 && costs::ends_block(&operator) => {
                globals.charge(self.take(), out);
                if !self.asked || self.jumps_back(&operator)? {
                    globals.trap_when_exhausted(out);
                    self.asked = true;
                }
            }
            _ => {}
        }
        self.follow(&operator);
        out.push_operator(operator);
        Ok(())
    }
}
