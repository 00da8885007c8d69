package engine

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
	"github.com/rs/zerolog"
)

// mode is what the engine can do at the moment.
type mode uint8

const (
	modeLoading  mode = iota // no data
	modeReady                // everything
	modeReadonly             // the log cannot be written
	modePast                 // there is no log: the data is that of a moment of the past
)

func (m mode) String() string {
	switch m {
	case modeLoading:
		return "loading"
	case modeReady:
		return "ready"
	case modePast:
		return "past"
	default:
		return "readonly"
	}
}

// handler carries out a command that no decision over a View can: one that
// speaks of the connection or the server. It writes its reply to c.Out; an
// error reply means that it has done nothing. A handler that changes data
// records events like a decision does.
type handler func(e *Engine, s *Session, c *command.Call)

// row is the engine's side of one command of the table, by its ordinal.
type row struct {
	spec  *command.Spec
	run   handler // nil where spec.Decide carries it out, and for containers
	upper string  // the name as entries show it
	stats commandStats

	isExec    bool
	immediate bool  // executed inside MULTI instead of being queued
	reads     bool  // its keys count as hits and misses
	crossDB   bool  // it names a key of another database
	pushes    bool  // its replies are messages: CLIENT REPLY does not hold for them
	manyKeys  bool  // it may name many
	voice     voice // how its events are told to those who listen
	looks     looks // which keys it looks up to read them
	past      bool  // it reads data, and so is asked of the moment where a connection stands
	asks      bool  // it is about the past itself, and no step of a recording
	flushes   bool  // FLUSHDB, FLUSHALL
	disk      bool  // it waits for the log to be synced, and no step of a recording brings that about
}

// Engine is the single writer. It is a [resp.Handler]; all its methods are
// called from the loop.
type Engine struct {
	o     Options
	cfg   *Config
	lg    zerolog.Logger
	table *command.Table
	rows  []row // by Spec.Ord

	mode  mode
	log   *log.Log     // nil until Ready, and after ReadyAt
	state *state.State // never nil; empty while loading
	last  uint64       // offset of the last appended entry, of this turn too

	moment Moment // where the data is from, in modePast

	clock    clock
	started  int64 // µs of the wall clock, when New was called
	now      int64 // µs, the clock of the unit being executed
	nextConn uint64
	sessions map[uint64]*Session
	counters counters

	// The turn. Everything here is empty between turns.
	turn    []part
	turnSeq uint64 // numbers turns, so that a session knows whether it has a part
	begun   int64  // µs of the wall clock, when the turn's first command was handed in
	steps   []pendingStep
	ticked  bool     // this Tick is a step
	dirty   bool     // something was appended
	broken  error    // an Apply failed: memory is wrong
	after   []func() // run when the turn is committed
	landed  []*goingBack

	// The unit: one entry in the making.
	call    command.Call
	events  event.Buffer // of the command being decided
	unit    unit
	maxBody int       // bytes that its body may have
	shrink  bool      // events has grown large in this turn
	keys    [][]byte  // scratch for prefetch
	name    [1][]byte // scratch: a cause of one word

	decoded event.Event // scratch of touch

	watch    [state.Databases]map[string][]*watch
	watching int // sessions that watch anything

	pubsub   pubsubState
	monitor  monitorState
	notify   notifyState
	tracking trackingState
	pause    pauseState
	block    blockState
	pushed   []*Session  // were sent something in this turn, or have waited until it
	frames   resp.Writer // scratch of frame

	expiry     expiryState
	memory     memoryState
	failure    failureState
	checkpoint checkpointState
	recording  recordingState
	shutdown   shutdownState
	info       infoState
	slow       slowState
	latency    latencyState
	purge      purgeState
	overlay    overlayState
}

// New gives an engine without data: it answers -LOADING to what needs any,
// until Ready.
func New(o Options) *Engine {
	if o.Seed == nil {
		o.Seed = rand.Uint64
	}
	if o.Post == nil && (o.Rebuild != nil || o.Checkpoint != nil || o.Past != nil) {
		panic("engine: Options.Post is required with Rebuild, Checkpoint and Past")
	}
	if o.Config == nil {
		o.Config = NewConfig()
	}
	e := &Engine{
		o:        o,
		cfg:      o.Config,
		lg:       o.Logger,
		table:    command.NewTable(),
		state:    state.New(0),
		clock:    clock{given: o.Clock, played: o.Played},
		sessions: make(map[uint64]*Session),
	}
	e.maxBody = maxBody
	e.latency.events = make(map[string]*latencyEvent)
	e.limitSlow()
	e.limitTracking()
	e.now = e.clock.read()
	e.started = e.now
	e.checkpoint.lastSave = e.now
	e.counters.errors = make(map[string]int64)
	e.expiry.active = e.cfg.activeExpire()
	e.turnSeq = 1
	e.call.Events = &e.events
	e.call.Rand = e.random
	e.setClasses()
	e.buildRows()
	return e
}

// buildRows joins the table with the handlers. A row without either, or a
// handler without a row, is a mistake in the source that a test finds.
func (e *Engine) buildRows() {
	handlers, asks, voices, lookers := allHandlers(), pastHandlers(), voices(), lookers()
	e.rows = make([]row, e.table.Rows())
	var add func(s *command.Spec)
	add = func(s *command.Spec) {
		name := s.FullName()
		e.rows[s.Ord] = row{
			spec: s, run: handlers[name], upper: s.Upper(),
			isExec:    name == "exec",
			immediate: slices.Contains(immediateCommands(), name),
			reads:     s.Flags&command.ReadOnly != 0 && len(s.Keys) > 0,
			crossDB:   name == "copy" || name == "move",
			pushes:    s.Group == "pubsub" && strings.HasSuffix(name, "subscribe"),
			manyKeys:  len(s.Keys) > 0 && (s.Keys[0].Last < 0 || s.Keys[0].Counted),
			past:      readsData(s),
			asks:      asks[name] != nil,
			flushes:   name == "flushdb" || name == "flushall",
			disk:      name == "waitaof",
			voice:     voices[name],
			looks:     lookers[name],
		}
		for _, sub := range s.Sub {
			add(sub)
		}
	}
	for _, s := range e.table.All() {
		add(s)
	}
}

// immediateCommands are those that MULTI does not queue.
func immediateCommands() []string {
	return []string{"exec", "discard", "multi", "watch", "quit", "reset"}
}

// allHandlers is every command that the engine carries out itself, by full
// name ("client|list").
func allHandlers() map[string]handler {
	all := make(map[string]handler)
	for _, part := range handlerParts() {
		for name, h := range part {
			all[name] = h
		}
	}
	return all
}

// handlerParts are the handlers file by file.
func handlerParts() []map[string]handler {
	return []map[string]handler{
		coreHandlers(), connHandlers(), serverHandlers(), memoryHandlers(), slowlogHandlers(), latencyHandlers(), pubsubHandlers(),
		pastHandlers(), clockHandlers(), monitorHandlers(), trackingHandlers(),
	}
}

// coreHandlers are those whose work is the turn's own.
func coreHandlers() map[string]handler {
	return map[string]handler{
		"multi":         multiCommand,
		"exec":          execCommand,
		"discard":       discardCommand,
		"watch":         watchCommand,
		"unwatch":       unwatchCommand,
		"wait":          waitCommand,
		"waitaof":       waitaofCommand,
		"save":          saveCommand,
		"bgsave":        bgsaveCommand,
		"lastsave":      lastsaveCommand,
		"bgrewriteaof":  bgrewriteaofCommand,
		"shutdown":      shutdownCommand,
		"record|start":  recordStartCommand,
		"record|stop":   recordStopCommand,
		"record|status": recordStatusCommand,
	}
}

// Ready gives the engine its data: the log, open for appending, and the state
// of everything in it. From now on the engine owns both.
func (e *Engine) Ready(l *log.Log, st *state.State) {
	e.log, e.state = l, st
	e.limitMemory()
	e.last = l.Last()
	e.mode = modeReady
	e.checkpoint.growthBase(l)
	e.startClock()
}

// Open makes a session for a new connection.
func (e *Engine) Open(p resp.Peer) (resp.Session, error) {
	if err := e.admit(p); err != nil {
		e.counters.rejectedConns++
		return nil, err
	}
	now := e.clock.read()
	s := &Session{e: e, peer: p, id: e.connID(), opened: now, active: now}
	s.proto = 2
	s.user = defaultUser
	s.authed = e.cfg.password() == ""
	e.sessions[s.id] = s
	e.counters.connections++
	e.recordConnect(s, now)
	return s, nil
}

// sessionsByID returns the open sessions, oldest first.
func (e *Engine) sessionsByID() []*Session {
	return slices.SortedFunc(maps.Values(e.sessions), func(a, b *Session) int { return cmp.Compare(a.id, b.id) })
}

func (e *Engine) connID() uint64 {
	if e.o.ConnID != nil {
		return e.o.ConnID()
	}
	e.nextConn++
	return e.nextConn
}

// Commit ends the turn, see [resp.Handler].
func (e *Engine) Commit() (sooner time.Duration) {
	if e.dirty {
		e.dirty = false
		if err := e.log.Commit(); err != nil {
			e.fail(err)
		}
	}
	if e.broken != nil {
		e.abandonState()
	}
	if len(e.block.disk) > 0 && e.log != nil {
		e.durable()
	}
	if len(e.block.served) > 0 {
		e.forgetServed()
	}
	e.handOverSteps()
	e.endTurn()
	e.runAfter()
	if len(e.pushed) > 0 {
		e.deliver()
	}
	e.startWantedCheckpoint()
	e.stopIfAsked()
	if e.clock.hurry {
		e.clock.hurry = false
		return time.Microsecond // what the next Tick asked for was by another clock
	}
	return e.sooner()
}

// runAfter runs what handlers left for the moment when memory and log agree.
// A failed turn has dropped it.
func (e *Engine) runAfter() {
	todo := e.after
	e.after = nil
	for _, f := range todo {
		f()
	}
}

// Tick does what is due: keys whose time has come, a checkpoint when the log
// has grown enough, a try to heal. See [resp.Handler].
func (e *Engine) Tick() time.Duration {
	next := maxTick
	e.now, e.ticked = e.clock.read(), false
	pausing := e.pause.kind != pausedNone && e.paused()
	if e.mode == modeReady {
		next = e.expireDue()
		if e.makeRoom() && !e.memory.full || e.state.Rest() {
			next = againSoon
		}
		e.checkpointByGrowth()
		e.collectStrings()
		e.info.peak = max(e.info.peak, e.state.Used())
	}
	if e.mode != modeLoading && e.block.count > 0 {
		next = min(next, e.timeOut())
	}
	if e.mustServe() {
		e.serve(e.now)
	}
	if pausing {
		next = e.pauseLeft(next)
	}
	e.heal()
	e.Commit()
	return next
}
