package main

import (
	"fmt"
	"sort"

	"github.com/spf13/cobra"
)

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
			for _, stray := range s.stray {
				fmt.Fprintln(cmd.ErrOrStderr(), stray)
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
