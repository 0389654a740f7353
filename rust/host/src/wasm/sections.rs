//! A module's sections, read without its code but for exported functions that do nothing.

use wasmer::sys::wasmparser::{
    BinaryReaderError, Chunk, CustomSectionReader, ElementItems, ExternalKind, FuncType,
    KnownCustom, MemoryType, Parser, Payload, TypeRef, ValType,
};
use wasmer::{FunctionType, Type};

use crate::types::load_error::LoadError;
use crate::wasm::idle;
use crate::wasm::idle::Idle;

/// One import.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// The type of a function; nothing for other kinds and for types of switched-off proposals.
    pub(crate) function: Option<FunctionType>,
}

/// One export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) kind: ExternalKind,
    /// The type of a function.
    pub(crate) function: Option<FunctionType>,
    /// What a function that does nothing answers.
    pub(crate) idle: Option<Idle>,
}

/// What a module says about itself outside of its code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sections {
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: Vec<Export>,
    /// Memories defined by the module: least and, if given, greatest number of pages.
    pub(crate) memories: Vec<(u64, Option<u64>)>,
    /// The least number of elements of each table defined by the module.
    pub(crate) tables: Vec<u64>,
    /// The most parameters or results of one function type.
    pub(crate) widest_type: usize,
    /// Functions, globals and items of element segments that it defines.
    pub(crate) functions: u64,
    pub(crate) globals: u64,
    pub(crate) elements: u64,
    /// Segments of data, and the bytes of their section. Go's modules have tens of thousands, which
    /// would take most of the time to read.
    pub(crate) data_segments: u64,
    pub(crate) data_bytes: u64,
    /// Whether it has a WebAssembly start function, which runs during instantiation.
    pub(crate) start: bool,
    pub(crate) custom: Vec<String>,
    /// Lines of the `producers` section: field (language, processed-by, sdk), name, version.
    pub(crate) producers: Vec<(String, String, String)>,
    /// Entries of the `target_features` section, like `+simd128`.
    pub(crate) target_features: Vec<String>,
}

impl Sections {
    /// Reads all sections but the code, of which exported functions that do nothing are noted.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] for bytes that do not parse.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reading = Reading::default();
        let (mut parser, mut rest) = (Parser::new(0), bytes);
        while let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(invalid)? {
            rest = rest.get(consumed..).unwrap_or_default();
            match payload {
                Payload::End(_) => break,
                Payload::CodeSectionStart { count, size, .. } => {
                    parser.skip_section();
                    let code = rest.split_at_checked(size as usize);
                    let (code, after) = code.ok_or_else(cut_off)?;
                    reading.idle = idle::functions(code, count);
                    rest = after;
                }
                payload => reading.take(payload).map_err(invalid)?,
            }
        }
        Ok(reading.finish())
    }

    /// The type of an exported function.
    pub(crate) fn exported_function(&self, name: &str) -> Option<&FunctionType> {
        let export = self.exports.iter().find(|export| export.name == name)?;
        export.function.as_ref()
    }

    /// Whether a memory is exported under this name.
    pub(crate) fn exports_memory(&self, name: &str) -> bool {
        let is_it = |export: &Export| export.kind == ExternalKind::Memory && export.name == name;
        self.exports.iter().any(is_it)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn invalid(error: BinaryReaderError) -> LoadError {
    LoadError::Invalid(error.to_string())
}

fn cut_off() -> LoadError {
    LoadError::Invalid("its code is cut off".to_owned())
}

/// Exports name functions by index, and the indexes are known once all sections were read.
#[derive(Default)]
struct Reading {
    sections: Sections,
    types: Vec<Option<FunctionType>>,
    functions: Vec<u32>,
    exported: Vec<u32>,
    /// What the functions that the module defines do.
    idle: Vec<Option<Idle>>,
}

impl Reading {
    fn take(&mut self, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(reader) => {
                for ty in reader.into_iter_err_on_gc_types() {
                    self.add_type(&ty?);
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let import = import?;
                    self.add_import(import.module, import.name, import.ty);
                }
            }
            Payload::FunctionSection(reader) => {
                self.sections.functions = reader.count().into();
                for index in reader {
                    self.functions.push(index?);
                }
            }
            Payload::TableSection(reader) => {
                for table in reader {
                    self.sections.tables.push(table?.ty.initial);
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader {
                    let MemoryType { initial, maximum, .. } = memory?;
                    self.sections.memories.push((initial, maximum));
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export?;
                    self.exported.push(export.index);
                    self.sections.exports.push(Export {
                        name: export.name.to_owned(),
                        kind: export.kind,
                        function: None,
                        idle: None,
                    });
                }
            }
            Payload::GlobalSection(reader) => self.sections.globals = reader.count().into(),
            Payload::ElementSection(reader) => {
                for element in reader {
                    self.sections.elements += u64::from(match element?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    });
                }
            }
            Payload::DataSection(reader) => {
                self.sections.data_segments = reader.count().into();
                let section = reader.range();
                self.sections.data_bytes = section.end.saturating_sub(section.start);
            }
            Payload::StartSection { .. } => self.sections.start = true,
            Payload::CustomSection(reader) => self.add_custom(&reader),
            _ => {}
        }
        Ok(())
    }

    fn add_type(&mut self, ty: &FuncType) {
        let widest = ty.params().len().max(ty.results().len());
        self.sections.widest_type = self.sections.widest_type.max(widest);
        let types =
            |list: &[ValType]| list.iter().copied().map(value_type).collect::<Option<Vec<_>>>();
        let function = types(ty.params()).zip(types(ty.results()));
        self.types.push(function.map(|(params, results)| FunctionType::new(params, results)));
    }

    fn add_import(&mut self, module: &str, name: &str, ty: TypeRef) {
        let kind = match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
            TypeRef::Table(_) => "table",
            TypeRef::Memory(_) => "memory",
            TypeRef::Global(_) => "global",
            TypeRef::Tag(_) => "tag",
        };
        let mut function = None;
        if let TypeRef::Func(index) | TypeRef::FuncExact(index) = ty {
            self.functions.push(index);
            function = self.function_type(index);
        }
        let (module, name) = (module.to_owned(), name.to_owned());
        self.sections.imports.push(Import { module, name, kind, function });
    }

    /// Custom sections are remarks: one that does not parse is listed and otherwise ignored.
    fn add_custom(&mut self, reader: &CustomSectionReader<'_>) {
        self.sections.custom.push(reader.name().to_owned());
        if let KnownCustom::Producers(fields) = reader.as_known() {
            for field in fields.into_iter().flatten() {
                let values = field.values.into_iter().flatten();
                self.sections.producers.extend(values.map(|value| {
                    (field.name.to_owned(), value.name.to_owned(), value.version.to_owned())
                }));
            }
        } else if reader.name() == "target_features" {
            self.sections.target_features = target_features(reader.data()).unwrap_or_default();
        }
    }

    fn function_type(&self, index: u32) -> Option<FunctionType> {
        self.types.get(index as usize).cloned().flatten()
    }

    fn finish(mut self) -> Sections {
        let mut exports = std::mem::take(&mut self.sections.exports);
        let imported = self.functions.len().saturating_sub(self.idle.len());
        for (export, &index) in exports.iter_mut().zip(&self.exported) {
            if export.kind == ExternalKind::Func {
                let ty = self.functions.get(index as usize);
                export.function = ty.and_then(|&index| self.function_type(index));
                let place = (index as usize).checked_sub(imported);
                export.idle = place.and_then(|place| *self.idle.get(place)?);
            }
        }
        Sections { exports, ..self.sections }
    }
}

fn value_type(ty: ValType) -> Option<Type> {
    Some(match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
        ValType::FUNCREF => Type::FuncRef,
        ValType::EXTERNREF => Type::ExternRef,
        ValType::Ref(_) => return None,
    })
}

/// WebAssembly/tool-conventions, Linking.md: a count, then a prefix byte and a name each.
fn target_features(data: &[u8]) -> Option<Vec<String>> {
    let (&count, mut rest) = data.split_first()?;
    let mut features = Vec::new();
    for _ in 0..count {
        let (&[prefix, length], tail) = rest.split_first_chunk()?;
        let (name, tail) = tail.split_at_checked(length.into())?;
        features.push(format!("{}{}", char::from(prefix), String::from_utf8_lossy(name)));
        rest = tail;
    }
    Some(features)
}
