package engine

import (
	"bytes"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// configGet is CONFIG GET pattern …. A pattern without wildcards is a name, and
// is answered as it was typed.
func configGet(e *Engine, _ *Session, c *command.Call) {
	type pair struct{ name, value string }
	var found []pair
	s := e.cfg.now.Load()
	add := func(name string, p *Param) {
		if !slices.ContainsFunc(found, func(f pair) bool { return strings.EqualFold(f.name, name) }) {
			found = append(found, pair{name, p.shownBy(s)})
		}
	}
	for _, pattern := range c.Args[2:] {
		if !bytes.ContainsAny(pattern, "[*?") {
			if p := e.cfg.redisParam(string(pattern)); p != nil {
				add(string(pattern), p)
			}
			continue
		}
		for i := range e.cfg.params {
			p := &e.cfg.params[i]
			for _, name := range [...]string{p.Name, p.Alias} {
				if name != "" && nameMatches(pattern, name) {
					add(name, p)
				}
			}
		}
	}
	c.Out.Map(len(found))
	for _, f := range found {
		pairString(c.Out, f.name, f.value)
	}
}

// shownBy is what CONFIG GET answers.
func (p *Param) shownBy(s *settings) string {
	if p.redis != nil {
		return p.redis(s)
	}
	return p.get(s)
}

// nameMatches reports whether a name in lower case matches a glob, whatever the
// glob's case.
func nameMatches(pattern []byte, name string) bool {
	return command.Glob(pattern, []byte(name), true)
}

// configSet is CONFIG SET name value …: all of them, or none.
func configSet(e *Engine, _ *Session, c *command.Call) {
	if len(c.Args)%2 != 0 {
		c.Out.Error(command.TextSyntax)
		return
	}
	if e.log == nil && setsPolicy(c.Args[2:]) {
		c.Out.Error(loadingText) // there is no log yet to tell
		return
	}
	changed, problem := e.cfg.change(c.Args[2:])
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	for _, name := range changed {
		e.settingChanged(name)
	}
	c.Out.OK()
}

func setsPolicy(pairs [][]byte) bool {
	for i := 0; i < len(pairs); i += 2 {
		if command.IsWord(pairs[i], "APPENDFSYNC") {
			return true
		}
	}
	return false
}

// change makes several settings at once; problem is "" or the error to answer,
// and then nothing has changed.
func (c *Config) change(pairs [][]byte) (changed []string, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.now.Load()
	failed := func(name, why string) ([]string, string) {
		return nil, "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why
	}
	var set []*Param
	for i := 0; i < len(pairs); i += 2 {
		name := string(pairs[i])
		p := c.redisParam(name)
		if p == nil {
			return nil, "ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'"
		}
		if !p.Runtime {
			return failed(name, "can't set immutable config")
		}
		for _, other := range set {
			if other == p {
				return failed(name, "duplicate parameter")
			}
		}
		set = append(set, p)
	}
	for i, p := range set {
		if err := c.setOn(&next, p, string(pairs[2*i+1])); err != nil {
			return failed(strings.ToLower(string(pairs[2*i])), err.Error())
		}
	}
	before := c.now.Load()
	c.now.Store(&next)
	for _, p := range set {
		if p.get(before) != p.get(&next) {
			changed = append(changed, p.Name)
		}
	}
	return changed, ""
}

// redisParam finds a setting by the names that CONFIG knows.
func (c *Config) redisParam(name string) *Param {
	p := c.param(name)
	if p == nil || strings.EqualFold(name, p.Short) && !strings.EqualFold(name, p.Name) {
		return nil
	}
	return p
}

// settingChanged does what a setting that was just changed asks for at once.
func (e *Engine) settingChanged(name string) {
	switch name {
	case "appendfsync":
		e.log.SetPolicy(e.cfg.Fsync())
	case "active-expire":
		e.expiry.active = e.cfg.activeExpire()
	case "notify-keyspace-events":
		e.setClasses()
	case "maxmemory", "maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time":
		e.limitMemory()
	case "slowlog-log-slower-than", "slowlog-max-len", "latency-monitor-threshold", "latency-tracking":
		e.limitSlow()
	case "tracking-table-max-keys":
		e.limitTracking()
	}
	for _, f := range e.cfg.told {
		f(name)
	}
	e.lg.Info().Str("setting", name).Msg("changed by CONFIG SET")
}

func configResetstat(e *Engine, _ *Session, c *command.Call) {
	e.resetStats()
	c.Out.OK()
}

// configRewrite is refused: a settings file is written by people, with
// comments, and stays theirs.
func configRewrite(_ *Engine, _ *Session, c *command.Call) {
	c.Out.Error("ERR Altilium does not write its settings file; change it by hand (`altilium config` shows every setting and where it comes from)")
}
