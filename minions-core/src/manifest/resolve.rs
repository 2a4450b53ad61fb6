//! From a builder to a program that can start, or to the list of everything that is wrong with it.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::Arc;

use crate::component::{Entry, Kind, NeedKind};
use crate::config::{Settings, Table};
use crate::gru::{Edge, GruBuilder};
use crate::minion::MinionFactory;
use crate::pipeline::PipelineFactory;

use super::order::{ResolvedResource, closure};
use super::{Manifest, ManifestError, OrchestrationEntry, Problem, SectionEntry, identity, limits, restarts};

/// A program that can start.
pub(crate) struct Resolved {
    pub(crate) resources: Vec<ResolvedResource>,
    pub(crate) pipelines: Vec<ResolvedPipeline>,
    pub(crate) orchestrations: Vec<ResolvedOrchestration>,
    pub(crate) sections: Vec<SectionEntry>,
}

/// One live pipeline to be: orchestrations share it unless their own configuration has a section for it.
pub(crate) struct ResolvedPipeline {
    pub(crate) factory: &'static dyn PipelineFactory,
    pub(crate) entry: Entry,
    /// Its name, and the configuration identity if it has one of its own.
    pub(crate) id: Arc<str>,
    /// Whose its keys and positions are in the store: the same with its declared id, which lasts over new names.
    pub(crate) scope: Arc<str>,
    /// That configuration identity.
    pub(crate) config: Option<String>,
    pub(crate) settings: Settings,
}

/// One orchestration to be.
pub(crate) struct ResolvedOrchestration {
    pub(crate) factory: &'static dyn MinionFactory,
    pub(crate) entry: Entry,
    pub(crate) id: Arc<str>,
    /// Index into the pipelines.
    pub(crate) pipeline: usize,
    pub(crate) config: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) max_in_flight: usize,
    /// Whether it waits for an order instead of starting with the program.
    pub(crate) on_demand: bool,
}

/// Resolves everything that `builder` declares.
pub(crate) fn resolve(builder: &GruBuilder) -> Result<Resolved, ManifestError> {
    let mut resolver = Resolver::of(builder);
    resolver.check_program();
    for edge in &builder.edges {
        resolver.edge(edge);
    }
    let resources = resolver.resources();
    resolver.check_components(&resources);
    let components = resolver.components(&resources);
    resolver.problems.extend(restarts::given(&components, builder));
    resolver.problems.extend(limits::given(&components, builder));
    let sections = resolver.check_needs(&resources);
    resolver.check_sections(&resources);
    resolver.finish(resources, sections)
}

/// Resolves one line that is added to a running program.
pub(crate) fn resolve_edge(builder: &GruBuilder, edge: &Edge) -> Result<Resolved, ManifestError> {
    let mut resolver = Resolver::of(builder);
    resolver.edge(edge);
    let resources = resolver.resources();
    resolver.check_components(&resources);
    let sections = resolver.check_needs(&resources);
    resolver.finish(resources, sections)
}

impl<'a> Resolver<'a> {
    fn of(builder: &'a GruBuilder) -> Self {
        Self { builder, problems: Vec::new(), pipelines: Vec::new(), orchestrations: Vec::new() }
    }

    fn resources(&mut self) -> Vec<ResolvedResource> {
        let roots: Vec<_> = self.roots().cloned().collect();
        closure(&roots, &self.builder.replaced, &mut self.problems)
    }

    fn finish(
        mut self,
        resources: Vec<ResolvedResource>,
        sections: Vec<SectionEntry>,
    ) -> Result<Resolved, ManifestError> {
        if self.problems.is_empty() {
            return Ok(Resolved {
                resources,
                pipelines: self.pipelines,
                orchestrations: self.orchestrations,
                sections,
            });
        }
        // Wiring first: configuration problems are often only its consequence.
        self.problems.sort_by_key(|problem| matches!(problem, Problem::Config(_)));
        Err(ManifestError::new(self.problems))
    }
}

struct Resolver<'a> {
    builder: &'a GruBuilder,
    problems: Vec<Problem>,
    pipelines: Vec<ResolvedPipeline>,
    orchestrations: Vec<ResolvedOrchestration>,
}

impl Resolver<'_> {
    fn check_program(&mut self) {
        if cfg!(panic = "abort") {
            self.wiring(
                None,
                "the program is built with `panic = \"abort\"`, so one panic would end every component; \
                remove that line from the profile in Cargo.toml",
            );
        }
        if self.builder.edges.is_empty() {
            self.wiring(
                None,
                "the program has no orchestration; add a line `Pipeline => Minion` to `app!`, or call \
                `orchestrate::<Pipeline, Minion>()`",
            );
        }
        if self.builder.options.max_in_flight == 0 {
            self.wiring(None, "max_in_flight is 0, so no workflow could ever run; it is at least 1");
        }
        if self.builder.options.max_blocking == 0 {
            self.wiring(None, "max_blocking is 0, so no blocking work could ever run; it is at least 1");
        }
        if let Some(problem) = self.builder.memory.as_ref().and_then(|_| self.builder.options.memory.problem()) {
            self.wiring(None, &problem);
        }
        for problem in self.builder.options.lag.check() {
            self.wiring(None, &format!("the lag watchdog: {problem}"));
        }
        if self.builder.options.max_bytes_in_flight == 0 {
            self.wiring(None, "max_bytes_in_flight is 0, so no workflow could ever run; it is at least 1");
        }
    }

    fn edge(&mut self, edge: &Edge) {
        let (pipeline, minion) = (edge.pipeline.entry(), edge.minion.entry());
        let max_in_flight = edge.options.max_in_flight.unwrap_or(self.builder.options.max_in_flight);
        if edge.options.max_in_flight == Some(0) {
            self.wiring(Some(&minion), "max_in_flight is 0, so no workflow could ever run; it is at least 1");
        }
        for (config, overlay) in self.configurations(edge, &pipeline, &minion) {
            let settings = match &overlay {
                Some(table) => self.builder.settings.overlay(table),
                None => self.builder.settings.clone(),
            };
            let own_pipeline = overlay.as_ref().is_some_and(|table| table.get(pipeline.name).is_some());
            let pipeline_index = self.pipeline(edge, &pipeline, config.as_deref().filter(|_| own_pipeline), &settings);
            let id = orchestration_id(pipeline.id, minion.id, config.as_deref());
            if self.orchestrations.iter().any(|other| *other.id == *id) {
                self.wiring(Some(&minion), &format!(
                    "the orchestration `{id}` is declared twice; give one of them a configuration or an `id` of its own"
                ));
                continue;
            }
            self.orchestrations.push(ResolvedOrchestration {
                factory: edge.minion,
                entry: minion.clone(),
                id: id.into(),
                pipeline: pipeline_index,
                config,
                settings,
                max_in_flight,
                on_demand: edge.options.on_demand,
            });
        }
    }

    /// One configuration identity and overlay for every orchestration that this line stands for.
    fn configurations(
        &mut self,
        edge: &Edge,
        pipeline: &Entry,
        minion: &Entry,
    ) -> Vec<(Option<String>, Option<Table>)> {
        let declared = edge.options.id.clone();
        let Some(pattern) = &edge.options.config else {
            return vec![(declared, None)];
        };
        let Some(files) = &self.builder.files else {
            self.wiring(Some(minion), &format!(
                "the configuration `{pattern}` cannot be read: this program has no reader of files; run it through `app!`, \
                 or give the builder one with `settings_files`"
            ));
            return Vec::new();
        };
        // A file that is wrong keeps the program from starting, but not the others from being judged.
        let (loaded, problems) = files.load(pattern);
        self.problems.extend(problems.into_iter().map(Problem::Config));
        if declared.is_some() && loaded.len() > 1 {
            self.wiring(Some(minion), &format!(
                "`{pattern}` matches {} files, but one `id` is declared for all of them; leave the `id` out, and each is \
                 named after its file",
                loaded.len()
            ));
            return Vec::new();
        }
        let known = [pipeline.name, minion.name];
        let each = loaded.into_iter().map(|(stem, table)| {
            let overlay = Settings::from_table(table.clone());
            self.problems.extend(overlay.unknown_sections(&known).into_iter().map(Problem::Config));
            (Some(declared.clone().unwrap_or(stem)), Some(table))
        });
        each.collect()
    }

    fn pipeline(&mut self, edge: &Edge, entry: &Entry, config: Option<&str>, settings: &Settings) -> usize {
        let configured = |word: &str| config.map_or_else(|| word.to_owned(), |config| format!("{word}@{config}"));
        let (id, scope) = (configured(entry.name), configured(entry.id));
        let known =
            self.pipelines.iter().position(|known| *known.id == *id && known.entry.type_id() == entry.type_id());
        known.unwrap_or_else(|| {
            self.pipelines.push(ResolvedPipeline {
                factory: edge.pipeline,
                entry: entry.clone(),
                id: id.into(),
                scope: scope.into(),
                config: config.map(str::to_owned),
                // A shared pipeline is not touched by what the configuration of one orchestration says.
                settings: if config.is_some() { settings.clone() } else { self.builder.settings.clone() },
            });
            self.pipelines.len() - 1
        })
    }

    fn roots(&self) -> impl Iterator<Item = &Entry> {
        let pipelines = self.pipelines.iter().map(|pipeline| &pipeline.entry);
        pipelines.chain(self.orchestrations.iter().map(|orchestration| &orchestration.entry))
    }

    /// One entry for each component: `resources`, what is resolved here, and everything else that the program declares,
    /// because what is added later must not take the name of another either.
    fn components(&self, resources: &[ResolvedResource]) -> Vec<Entry> {
        let edges = self.builder.edges.iter();
        let mut entries: Vec<_> = edges.flat_map(|edge| [edge.pipeline.entry(), edge.minion.entry()]).collect();
        // What is wrong among these was reported when the program started.
        let needed = closure(&entries, &self.builder.replaced, &mut Vec::new());
        entries.extend(self.roots().cloned());
        entries.extend(resources.iter().chain(&needed).map(|resource| resource.entry.clone()));
        let mut seen = HashSet::new();
        entries.retain(|entry| !entry.is_outlet && seen.insert(entry.type_id()));
        entries
    }

    /// Checks who the components are, and what they say about themselves.
    fn check_components(&mut self, resources: &[ResolvedResource]) {
        let entries = self.components(resources);
        self.problems.extend(identity::check(&entries));
        self.problems.extend(restarts::declared(&entries));
        self.problems.extend(limits::declared(&entries));
    }

    /// Checks what everyone needs besides resources; answers the sections that are read.
    fn check_needs(&mut self, resources: &[ResolvedResource]) -> Vec<SectionEntry> {
        let mut problems = Vec::new();
        let mut sections: Vec<SectionEntry> = Vec::new();
        let mut check = |entry: &Entry, config: Option<&str>, settings: &Settings| {
            for need in entry.needs {
                match need.kind {
                    NeedKind::Config(check) => match check(settings, entry.name) {
                        Ok(keys) => {
                            let known = |known: &&mut SectionEntry| {
                                known.component == entry.name && known.config.as_deref() == config
                            };
                            match sections.iter_mut().find(known) {
                                // Two types that read one section know different keys of it.
                                Some(section) => section.keys.secrets.extend(keys.secrets),
                                None => sections.push(SectionEntry {
                                    component: entry.name,
                                    config: config.map(str::to_owned),
                                    settings: settings.clone(),
                                    keys,
                                }),
                            }
                        }
                        Err(wrong) => problems.extend(wrong.into_iter().map(Problem::Config)),
                    },
                    NeedKind::Provided(id) if !self.builder.provided.contains_key(&id()) => {
                        problems.push(Problem::Wiring {
                            location: Some(entry.location),
                            message: format!(
                                "the {} `{}` needs a `{}`, which nobody provides; call `provide(value)` on the builder",
                                entry.kind,
                                entry.name,
                                need.type_name()
                            ),
                        });
                    }
                    // What a pipeline has of its own is checked below.
                    _ => {}
                }
            }
        };
        let root = &self.builder.settings;
        resources.iter().for_each(|resource| check(&resource.entry, None, root));
        for pipeline in &self.pipelines {
            check(&pipeline.entry, pipeline.config.as_deref(), &pipeline.settings);
        }
        for orchestration in &self.orchestrations {
            check(&orchestration.entry, orchestration.config.as_deref(), &orchestration.settings);
        }
        // Orchestrations that share a section would report it once each.
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert(problem.to_string()));
        self.problems.extend(problems);
        self.check_own(resources);
        sections
    }

    /// Checks inlets and cursors: only a pipeline has them, and its events are its own.
    fn check_own(&mut self, resources: &[ResolvedResource]) {
        let pipelines = self.pipelines.iter().map(|pipeline| (&pipeline.entry, Some(pipeline.factory.event())));
        let others = self.orchestrations.iter().map(|orchestration| &orchestration.entry);
        let others = others.chain(resources.iter().map(|resource| &resource.entry)).map(|entry| (entry, None));
        let mut problems: Vec<(Entry, String)> = Vec::new();
        for (entry, event) in pipelines.chain(others) {
            let mut say = |message: String| {
                let known = problems.iter().any(|(of, known)| of.name == entry.name && *known == message);
                if !known {
                    problems.push((entry.clone(), message));
                }
            };
            let (kind, name) = (entry.kind, entry.name);
            for need in entry.needs {
                match (need.kind, event) {
                    (NeedKind::Inlet(..) | NeedKind::Cursor, None) => say(format!(
                        "the {kind} `{name}` needs a `{}`, which only a pipeline has; let the pipeline's `startup` hand out \
                         clones of its own",
                        need.type_name()
                    )),
                    (NeedKind::Inlet(of, of_name), Some((event, event_name))) if of() != event => say(format!(
                        "the pipeline `{name}` has an inlet for `{}`, but its events are `{event_name}`; write \
                         `Inlet<{event_name}>`",
                        of_name()
                    )),
                    _ => {}
                }
            }
            if entry.needs.iter().filter(|need| need.is_cursor()).count() > 1 {
                say(format!(
                    "the {kind} `{name}` has two cursors, but it has one position; use `partition` of one cursor for the \
                     parts of its source"
                ));
            }
        }
        problems.iter().for_each(|(entry, message)| self.wiring(Some(entry), message));
    }

    /// A section that nobody reads is a spelling mistake or a leftover; both deserve a word.
    fn check_sections(&mut self, resources: &[ResolvedResource]) {
        // Also of those whose own files are wrong, so that nothing is here to read their sections.
        let entries = self.components(resources);
        let known: HashSet<_> = entries
            .iter()
            .filter(|entry| entry.needs.iter().any(|need| matches!(need.kind, NeedKind::Config(_))))
            .map(|entry| entry.name)
            .chain(["minions"])
            .collect();
        let mut known: Vec<_> = known.into_iter().collect();
        known.sort_unstable();
        let unknown = self.builder.settings.unknown_sections(&known);
        self.problems.extend(unknown.into_iter().map(Problem::Config));
    }

    fn wiring(&mut self, entry: Option<&Entry>, message: &str) {
        self.problems
            .push(Problem::Wiring { location: entry.map(|entry| entry.location), message: message.to_owned() });
    }
}

fn orchestration_id(pipeline: &str, minion: &str, config: Option<&str>) -> String {
    match config {
        None => format!("{pipeline}/{minion}"),
        Some(config) => format!("{pipeline}/{minion}@{config}"),
    }
}

impl Resolved {
    /// Leaves only the orchestration `id`; false if it is not there.
    pub(crate) fn keep_only(&mut self, id: &str) -> bool {
        self.orchestrations.retain(|orchestration| *orchestration.id == *id);
        !self.orchestrations.is_empty()
    }

    /// Which minion emits events for which orchestration, of which minion.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&'static str, &Arc<str>, &'static dyn MinionFactory)> {
        self.orchestrations.iter().filter_map(|orchestration| {
            let source = &self.pipelines[orchestration.pipeline].entry;
            source.is_outlet.then_some((source.name, &orchestration.id, orchestration.factory))
        })
    }

    /// Leaves what starts with the program.
    pub(crate) fn drop_on_demand(&mut self) {
        self.orchestrations.retain(|orchestration| !orchestration.on_demand);
    }

    /// What can be told of the program without starting it.
    pub(crate) fn manifest(&self) -> Manifest {
        let mut components: Vec<Entry> = self.resources.iter().map(|resource| resource.entry.clone()).collect();
        let mut seen: HashSet<TypeId> = HashSet::new();
        let pipelines = self.pipelines.iter().map(|pipeline| &pipeline.entry);
        let minions = self.orchestrations.iter().map(|orchestration| &orchestration.entry);
        components
            .extend(pipelines.chain(minions).filter(|entry| !entry.is_outlet && seen.insert(entry.type_id())).cloned());
        components.sort_by_key(|entry| match entry.kind {
            Kind::Resource => 0,
            Kind::Pipeline => 1,
            Kind::Minion => 2,
        });
        let mut levels: Vec<Vec<&'static str>> = Vec::new();
        for resource in &self.resources {
            levels.resize_with(levels.len().max(resource.level + 1), Vec::new);
            levels[resource.level].push(resource.entry.name);
        }
        let orchestrations = self.orchestrations.iter().map(|orchestration| OrchestrationEntry {
            id: orchestration.id.to_string(),
            pipeline: self.pipelines[orchestration.pipeline].entry.name,
            minion: orchestration.entry.name,
            config: orchestration.config.clone(),
            max_in_flight: orchestration.max_in_flight,
            starts: !orchestration.on_demand,
        });
        Manifest { orchestrations: orchestrations.collect(), components, levels, sections: self.sections.clone() }
    }
}
