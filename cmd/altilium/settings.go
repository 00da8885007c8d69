package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

// settings are the server's, from four places: a flag goes before the
// environment (ALTILIUM_PORT for port), that before the file, that before the
// default. The table of what there is to set is the engine's.
type settings struct {
	engine *engine.Config
	flags  map[string]*string // by the parameter's name; "" where it was not given
	file   *string
	source map[string]string // by name: where the value came from
	stray  []string          // what is wrong with variables that look like settings and are none
}

// addSettings gives a verb a flag for each setting.
func addSettings(cmd *cobra.Command) *settings {
	s := &settings{engine: engine.NewConfig(), flags: map[string]*string{}, source: map[string]string{}}
	s.engine.Check("retention", func(text string) error {
		_, err := compaction.ParsePolicy(text)
		return err
	})
	s.engine.Check("dir", func(text string) error {
		if text == "" {
			return errors.New("it is empty")
		}
		return nil
	})
	s.file = cmd.Flags().String("config", "", "file of settings (TOML)")
	for p := range s.engine.Params() {
		if p.Fixed {
			continue
		}
		name := p.Name
		if p.Short != "" {
			name = p.Short
		}
		value := cmd.Flags().String(name, "", fmt.Sprintf("%s (default %q)", strings.TrimSuffix(p.Doc, "."), p.Default))
		s.flags[p.Name] = value
		if choices := strings.Split(p.Kind, "|"); len(choices) > 1 {
			offerChoices(cmd, name, choices...)
		}
		if name != p.Name {
			cmd.Flags().StringVar(value, p.Name, "", "")
			hide(cmd, p.Name)
		}
	}
	return s
}

// load fills the settings from all four places.
func (s *settings) load(cmd *cobra.Command) error {
	for p := range s.engine.Params() {
		s.source[p.Name] = "default"
	}
	if *s.file == "" {
		*s.file = os.Getenv("ALTILIUM_CONFIG")
	}
	if *s.file != "" {
		if err := s.loadFile(*s.file); err != nil {
			return err
		}
	}
	if err := s.loadEnv(); err != nil {
		return err
	}
	for p := range s.engine.Params() {
		for _, name := range []string{p.Name, p.Short} {
			if name == "" || !cmd.Flags().Changed(name) {
				continue
			}
			if err := s.set(p.Name, *s.flags[p.Name], "flag --"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadEnv takes the settings from the environment. A variable that is none is no
// error, since others may have put it there, but is not passed over in silence.
func (s *settings) loadEnv() error {
	known := []string{"ALTILIUM_CONFIG"}
	for p := range s.engine.Params() {
		for _, name := range []string{p.Name, p.Short, p.Alias} {
			if name == "" {
				continue
			}
			variable := "ALTILIUM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			known = append(known, variable)
			if value, ok := os.LookupEnv(variable); ok {
				if err := s.set(p.Name, value, "environment "+variable); err != nil {
					return err
				}
			}
		}
	}
	for _, entry := range os.Environ() {
		variable, _, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(variable, "ALTILIUM_")
		if ours && !slices.Contains(known, variable) {
			s.stray = append(s.stray, fmt.Sprintf("environment %s: %v", variable, s.unknown(strings.ToLower(strings.ReplaceAll(name, "_", "-")))))
		}
	}
	return nil
}

// unknown is the error for a name that no setting has, with the one that was
// perhaps meant.
func (s *settings) unknown(name string) error {
	return fmt.Errorf("%w (`altilium config` lists them)", s.engine.Set(name, ""))
}

func (s *settings) set(param, text, from string) error {
	if err := s.engine.Set(param, text); err != nil {
		return usagef("%s: %v", from, err)
	}
	s.source[param] = from
	return nil
}

// loadFile reads a TOML file. A key that is no setting is refused by name and
// line.
func (s *settings) loadFile(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var values map[string]any
	meta, err := toml.Decode(string(raw), &values)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return usagef("%s: line %d: %s", path, syntax.Position.Line, syntax.Message)
	}
	if err != nil {
		return usagef("%s: %v", path, err)
	}
	for _, key := range meta.Keys() {
		name := key.String()
		line := lineOf(string(raw), name)
		p, ok := s.engine.Lookup(name)
		if !ok {
			return usagef("%s: line %d: %v", path, line, s.unknown(name))
		}
		text, wrong := tomlText(p, values[name])
		if wrong != "" {
			return usagef("%s: line %d: %s %s", path, line, name, wrong)
		}
		if err := s.set(p.Name, text, fmt.Sprintf("%s: line %d", path, line)); err != nil {
			return err
		}
	}
	return nil
}

// tomlText is a TOML value as a setting's text, or what is wrong with it. A
// number or a truth where text is meant is a mistake: a password 007 would lose
// its zeros.
func tomlText(p engine.Param, v any) (text, wrong string) {
	switch v := v.(type) {
	case string:
		return v, ""
	case bool, int64:
		if p.Kind == "text" || p.Kind == "path" || p.Kind == "addresses" {
			return "", fmt.Sprintf("must be text: write it in quotes, \"%v\"", v)
		}
		if v == true {
			return "yes", ""
		}
		if v == false {
			return "no", ""
		}
		return fmt.Sprint(v), ""
	}
	return "", "must be text, a whole number or true/false; it takes: " + p.Kind
}

// lineOf finds the line that a top-level key stands on.
func lineOf(text, key string) int {
	for i, line := range strings.Split(text, "\n") {
		name, _, ok := strings.Cut(line, "=")
		name = strings.Trim(strings.TrimSpace(name), `"'[]`)
		if (ok || strings.HasPrefix(strings.TrimSpace(line), "[")) && (name == key || strings.HasPrefix(key, name+".") && name != "") {
			return i + 1
		}
	}
	return 1
}

// retention is the policy as it is now. It was checked when it was set.
func (s *settings) retention() compaction.Policy {
	p, err := compaction.ParsePolicy(s.engine.Retention())
	if err != nil {
		p, _ = compaction.ParsePolicy("all") // keep everything rather than too little
	}
	return p
}
