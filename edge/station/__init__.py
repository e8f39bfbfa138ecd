"""What stands around the scorer at a station that nobody watches.

- `commands`: of ``edge-score``, on stations
- `setup`, `service`: its folders and settings; files for systemd, cron, logrotate
- `doctor`, `trial`: what keeps a computer from scoring
- `installing`, `staging`: another bundle, copied, tried first, and back again
- `diary`: the record of one run; `log`, `notify`: lines, and word to systemd
- `alarms`, `hooks`: alarms and what changed of them; commands that are told
- `status`, `metrics`: how it is, for a person and for Prometheus
- `retention`: what the settings do not keep
- `ledger_check`, `ledger_repair`: a ledger held against the disk, and made new
- `export`, `result_files`: one table over many half-orbits; results read back from disk
"""
