// @ts-check
// Licensed under the Apache License, Version 2.0; see LICENSE.

/**
 * One small, plausible mistake in the evaluator each: the text `find`, which stands in the file exactly once, becomes `replace`.
 * @typedef {{file: string, find: string, replace: string}} Mutant
 */

/** @type {(file: string, find: string, replace: string) => Mutant} */
const mutant = (file, find, replace) => ({ file: `src/policy/${file}`, find, replace });

/** @type {Mutant[]} */
export const mutants = [
    mutant('decide.c', 'a.selector < b.selector ||', 'a.selector > b.selector ||'),
    mutant('decide.c', 'a.selector == b.selector && a.rule < b.rule', 'a.selector == b.selector && a.rule > b.rule'),
    mutant('decide.c', 'if (matched == AMLAPS_YES) {', 'if (matched != AMLAPS_NO) {'),
    mutant('decide.c', 'matched == AMLAPS_UNKNOWN && rule < tally->unsure', 'matched == AMLAPS_UNKNOWN && 0'),
    mutant('decide.c', 'matched == AMLAPS_UNKNOWN && rule < tally->unsure', 'matched == AMLAPS_UNKNOWN'),
    mutant('decide.c', 'matched.known == AMLAPS_YES && amlaps_rank_better', 'matched.known != AMLAPS_NO && amlaps_rank_better'),
    mutant('decide.c', '(posting->denies & tally->permission) && posting->position < tally->denying', 'posting->denies && posting->position < tally->denying'),
    mutant('decide.c', '(posting->denies & tally->permission) && posting->position < tally->denying', '(posting->denies & tally->permission)'),
    mutant('decide.c', '(posting->allows & tally->permission) && tally', 'posting->allows && tally'),
    mutant('decide.c', 'if (rule == AMLAPS_NO_RULE && tally.grant.rule', 'if (tally.grant.rule'),
    mutant('decide.c', '&& tally.grant.rule != AMLAPS_NO_RULE', ''),
    mutant('decide.c', 'if (!question->person->groups_known) {', 'if (0) {'),
    mutant('decide.c', 'if (!question->person->groups_known) {', 'if (1) {'),
    mutant('decide.c', 'tally.unsure == AMLAPS_NO_RULE ? AMLAPS_ALLOW : AMLAPS_UNDECIDABLE', 'AMLAPS_ALLOW'),
    mutant('decide.c', 'if ((postings[i].denies & tally->permission)', 'if (((postings[i].denies | postings[i].allows) & tally->permission)'),
    mutant('decide.c', '.known != AMLAPS_NO) {', '.known == AMLAPS_UNKNOWN) {'),
    mutant('match.c', 'match->question->now < rule->until', 'match->question->now <= rule->until + APR_TIME_C(86400000000)'),
    mutant('match.c', 'return strcmp(rule->tenant, tenant) == 0 ?', 'return apr_cstr_casecmp(rule->tenant, tenant) == 0 ?'),
    mutant('match.c', 'if (!rule->tenant) {', 'if (1) {'),
    mutant('match.c', 'return next == AMLAPS_YES ? so_far : next;', 'return next == AMLAPS_NO ? next : so_far;'),
    mutant('match.c', 'return next == AMLAPS_YES ? so_far : next;', 'return next == AMLAPS_UNKNOWN ? so_far : next;'),
    mutant('match.c', 'return known ? AMLAPS_NO : AMLAPS_UNKNOWN;', 'return AMLAPS_NO;'),
    mutant('match.c', 'return known ? AMLAPS_NO : AMLAPS_UNKNOWN;', 'return AMLAPS_UNKNOWN;'),
    mutant('match.c', 'match_set(&match->units, device->units_known', 'match_set(&match->groups, device->groups_known'),
    mutant('match.c', 'return device->owner;', 'return device->owner == AMLAPS_UNKNOWN ? AMLAPS_NO : device->owner;'),
    mutant('match.c', '*glob && *glob != \'*\' && *glob != \'?\'', '*glob && *glob != \'*\''),
    mutant('match.c', "(glob[0] == '*' && glob[1] == '\\0')", "glob[0] == '*'"),
    mutant('match.c', '!((*glob | *name) & 0x80)', '!(*glob & 0x80)'),
    mutant('match.c', 'amlaps_hash_lower(*glob) != amlaps_hash_lower(*name)', '((*glob ^ *name) & ~0x20) != 0'),
    mutant('match.c', 'hash == match->device_hash && apr_cstr_casecmp', 'hash == match->device_hash || apr_cstr_casecmp'),
    mutant('match.c', '&& apr_cstr_casecmp(set->texts[(found & 0xffffu) - 1], value->text) == 0', ''),
    mutant('match.c', 'for (i = AMLAPS_SET_MOST; i < set->count; i++)', 'for (i = AMLAPS_SET_MOST + 1; i < set->count; i++)'),
    mutant('match.c', 'if (memo->rule != rule) {', 'if (!memo->rule) {'),
    mutant('match.c', '*selector = rule->lines[i].selector;', '*selector = rule->lines[rule->line_count - 1].selector;'),
    mutant('match.c', 'outlook->can_match = outlook->can_match && needs;', 'outlook->can_match = 1;'),
    mutant('match.c', 'outlook->ranks = open;\n            return;', 'return;'),
    mutant('index.c', 'key->kind != kind ||', ''),
    mutant('index.c', 'strcmp(key->claim, claim) != 0', 'amlaps_hash_equal_folded(key->claim, claim) == 0'),
    mutant('index.c', 'return strcmp(key->value, value) == 0;', 'return amlaps_hash_equal_folded(key->value, value);'),
    mutant('index.c', 'return amlaps_hash_equal_folded(key->value, value);', 'return strcmp(key->value, value) == 0;'),
    mutant('index.c', 'person->username && !amlaps_text_guid(guid, person->username)', 'person->username'),
    mutant('index.c', 'left < GROUP_BATCH ? left : GROUP_BATCH', 'left < GROUP_BATCH ? left : GROUP_BATCH - 1'),
    mutant('index.c', 'if (top && amlaps_json_integer', 'if (amlaps_json_integer'),
    mutant('index.c', 'return truth ? "true" : "false";', 'return "true";'),
    mutant('index.c', 'last->denies |= posting.denies;', ''),
    mutant('index.c', 'while (slots < values * 2) {', 'while (slots < values) {'),
    mutant('needs.c', 'if (!needs.may_grant) {', 'if (0) {'),
    mutant('needs.c', 'needs->denying |= person | outlook->decides;', 'needs->denying |= outlook->decides;'),
    mutant('needs.c', 'needs.rivals ? needs.granting : AMLAPS_NEED_NOTHING', 'AMLAPS_NEED_NOTHING'),
    mutant('needs.c', 'needs->granting |= outlook->ranks;', ''),
    mutant('needs.c', 'if (needs.tally.denying != AMLAPS_NO_RULE) {', 'if (0) {'),
    mutant('words.c', 'last[-1].selector > line->selector', 'last[-1].selector >= line->selector'),
    mutant('words.c', '*bits |= permission->value;', '*bits = permission->value;'),
    mutant('rule.c', 'rule->until = (days + 1)', 'rule->until = (days)'),
    mutant('pattern.c', "walk->at[1] >= '1'", "walk->at[1] > '1'"),
    mutant('pattern.c', 'atom *= *walk->at++', 'atom += *walk->at++'),
    mutant('hash.c', "stream, 'k'", "stream, 'K' + 1"),
    mutant('reason.c', 'blank = blank && is_blank(character);', 'blank = is_blank(character);'),
    mutant('reason.c', 'characters > LONGEST_REASON', 'characters >= LONGEST_REASON'),
];
