package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
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
}

// addSettings gives a verb a flag for each setting.
func addSettings(cmd *cobra.Command) *settings {
	s := &settings{engine: engine.NewConfig(), flags: map[string]*string{}, source: map[string]string{}}
	s.engine.Check("retention", func(text string) error {
		_, err := compaction.ParsePolicy(text)
		return err
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
		if name != p.Name {
			cmd.Flags().StringVar(value, p.Name, "", "")
			hide(cmd, p.Name)
		}
	}
	return s
}

// hide keeps a flag that another name stands for out of the help.
func hide(cmd *cobra.Command, flag string) {
	if err := cmd.Flags().MarkHidden(flag); err != nil {
		panic(err) // only for a flag that was not defined
	}
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
	for p := range s.engine.Params() {
		for _, name := range []string{p.Name, p.Short, p.Alias} {
			if err := s.loadEnv(p.Name, name); err != nil {
				return err
			}
		}
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
	_, err := compaction.ParsePolicy(s.engine.Retention())
	if err != nil {
		return usagef("retention: %v", err)
	}
	return nil
}

func (s *settings) loadEnv(param, name string) error {
	if name == "" {
		return nil
	}
	variable := "ALTILIUM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	if value, ok := os.LookupEnv(variable); ok {
		return s.set(param, value, "environment "+variable)
	}
	return nil
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
			return usagef("%s: line %d: there is no setting %q%s; `altilium config` lists them", path, line, name, s.suggestion(name))
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

// suggestion is the setting that was meant, perhaps.
func (s *settings) suggestion(name string) string {
	if err := s.engine.Set(name, ""); err != nil {
		if _, near, ok := strings.Cut(err.Error(), "did you mean "); ok {
			return " (did you mean " + strings.TrimSuffix(near, "?") + "?)"
		}
	}
	return ""
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

func newConfig() *cobra.Command {
	var s *settings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value and where it came from",
		Long: `Show every setting, its value and where it came from: a flag goes before the
environment, that before the file given with --config, that before the default.
The same flags, variables and file as for ` + "`altilium serve`" + ` are read.`,
		Example: `  altilium config
  altilium config --config Config.toml
  ALTILIUM_PORT=7000 altilium config --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.load(cmd); err != nil {
				return err
			}
			return s.print(cmd, asJSON)
		},
	}
	s = addSettings(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// shownSetting is one row of `altilium config`.
type shownSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Doc    string `json:"doc"`
}

func (s *settings) print(cmd *cobra.Command, asJSON bool) error {
	var rows []shownSetting
	for p := range s.engine.Params() {
		value, _ := s.engine.Get(p.Name)
		if p.Secret && value != "" {
			value = "(set, not shown)"
		}
		source := s.source[p.Name]
		if p.Fixed {
			source = "fixed"
		}
		rows = append(rows, shownSetting{p.Name, value, source, p.Doc})
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), rows)
	}
	sort.SliceStable(rows, func(i, k int) bool { return rows[i].Source != "fixed" && rows[k].Source == "fixed" })
	for _, r := range rows {
		fmt.Fprintf(cmd.OutOrStdout(), "%-26s %-22s %s\n", r.Name, fmt.Sprintf("%q", r.Value), r.Source)
		fmt.Fprintf(cmd.OutOrStdout(), "    %s\n", r.Doc)
	}
	return nil
}
