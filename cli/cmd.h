/* The functions behind the table of commands, one a command; the file cmd_<noun>.c holds those of a noun. */
#pragma once

#include "cli/exit_code.h"

struct cli;

enum cli_exit cmd_release_add(struct cli *cli);
enum cli_exit cmd_release_list(struct cli *cli);
enum cli_exit cmd_release_show(struct cli *cli);
enum cli_exit cmd_package_create(struct cli *cli);
enum cli_exit cmd_package_sign(struct cli *cli);
enum cli_exit cmd_package_verify(struct cli *cli);
enum cli_exit cmd_package_inspect(struct cli *cli);
enum cli_exit cmd_package_extract(struct cli *cli);
enum cli_exit cmd_package_delta(struct cli *cli);
enum cli_exit cmd_package_apply(struct cli *cli);
enum cli_exit cmd_package_encrypt(struct cli *cli);
enum cli_exit cmd_package_decrypt(struct cli *cli);
enum cli_exit cmd_package_bundle(struct cli *cli);
enum cli_exit cmd_key_generate(struct cli *cli);
enum cli_exit cmd_key_list(struct cli *cli);
enum cli_exit cmd_key_trust(struct cli *cli);
enum cli_exit cmd_key_revoke(struct cli *cli);
enum cli_exit cmd_permit_downgrade(struct cli *cli);
enum cli_exit cmd_rollout_start(struct cli *cli);
enum cli_exit cmd_rollout_check(struct cli *cli);
enum cli_exit cmd_rollout_plan(struct cli *cli);
enum cli_exit cmd_rollout_edit(struct cli *cli);
enum cli_exit cmd_rollout_list(struct cli *cli);
enum cli_exit cmd_rollout_show(struct cli *cli);
enum cli_exit cmd_rollout_watch(struct cli *cli);
enum cli_exit cmd_rollout_wait(struct cli *cli);
enum cli_exit cmd_rollout_why(struct cli *cli);
enum cli_exit cmd_rollout_pause(struct cli *cli);
enum cli_exit cmd_rollout_resume(struct cli *cli);
enum cli_exit cmd_rollout_cancel(struct cli *cli);
enum cli_exit cmd_rollout_promote(struct cli *cli);
enum cli_exit cmd_rollout_approve(struct cli *cli);
enum cli_exit cmd_rollout_reject(struct cli *cli);
enum cli_exit cmd_rollout_excluded(struct cli *cli);
enum cli_exit cmd_rollout_rollback(struct cli *cli);
enum cli_exit cmd_rollout_retry(struct cli *cli);
enum cli_exit cmd_rollout_exclude(struct cli *cli);
enum cli_exit cmd_rollout_include(struct cli *cli);
enum cli_exit cmd_rollout_stop_all(struct cli *cli);
enum cli_exit cmd_rollout_start_all(struct cli *cli);
enum cli_exit cmd_device_list(struct cli *cli);
enum cli_exit cmd_device_show(struct cli *cli);
enum cli_exit cmd_device_history(struct cli *cli);
enum cli_exit cmd_device_why(struct cli *cli);
enum cli_exit cmd_device_rollback(struct cli *cli);
enum cli_exit cmd_device_quarantine(struct cli *cli);
enum cli_exit cmd_device_readmit(struct cli *cli);
enum cli_exit cmd_events(struct cli *cli);
enum cli_exit cmd_events_export(struct cli *cli);
enum cli_exit cmd_events_verify(struct cli *cli);
enum cli_exit cmd_audit(struct cli *cli);
enum cli_exit cmd_status(struct cli *cli);
enum cli_exit cmd_version(struct cli *cli);
enum cli_exit cmd_help(struct cli *cli);
enum cli_exit cmd_completion(struct cli *cli);
