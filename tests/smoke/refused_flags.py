"""Flags that cannot be meant, and places that are not there: what the message about each must say."""

from __future__ import annotations

from refused_files import FINE, Refusal, table

FLAGS = [
    Refusal(
        "K below 1", table(*FINE), ("--ks=0 is outside its range: it must be at least 1 and",), ("--ks=5,0",)
    ),
    Refusal("K beyond reason", table(*FINE), ("--ks=100000000 is outside its range",), ("--ks=100000000",)),
    Refusal(
        "unknown model",
        None,
        ("--model=popularty is not known. Did you mean popularity? Known:",),
        ("--model=popularty",),
    ),
    Refusal(
        "unknown data set",
        None,
        ("--dataset=ml-1mm is not known. Did you mean ml-1m?", "--interactions=FILE."),
        ("--dataset=ml-1mm",),
    ),
    Refusal(
        "unknown flag",
        None,
        ("--relevance_treshold is not a flag. Did you mean --relevance_threshold?",),
        ("--relevance_treshold=3",),
    ),
    Refusal("unknown split", None, ("--split=globl is not known. Did you mean global?",), ("--split=globl",)),
    Refusal(
        "stray word", None, ("'als' is not a flag. Flags begin with two dashes: --name=value.",), ("als",)
    ),
    Refusal(
        "flag without dashes", None, ("'epochs=3' is not a flag. Did you mean --epochs=3?",), ("epochs=3",)
    ),
    Refusal("flag with a long dash", None, ("'–model=als' is not a flag. Flags begin",), ("–model=als",)),
    Refusal(
        "flag without value",
        None,
        ("--results_dir is empty. Give a value, or leave the flag",),
        ("--results_dir=",),
    ),
    Refusal(
        "flag that no model has",
        None,
        ("--history_heads is a setting of two_tower, and --model=popularity has none",),
        ("--history_heads=3",),
    ),
    Refusal("word for a number", None, ("--seed=one is not a whole number.",), ("--seed=one",)),
    Refusal(
        "two sources",
        table(*FINE),
        ("--dataset=ml-1m and --interactions={file} both say what to read. Leave",),
        ("--dataset=ml-1m",),
    ),
    Refusal(
        "folder of data beside a log",
        table(*FINE),
        ("--data_dir is where a public data set lies, and --interac",),
        ("--data_dir=.",),
    ),
    Refusal(
        "seed of data that are not simulated",
        table(*FINE),
        ("--data_seed is of simulated data, and --interactions",),
        ("--data_seed=3",),
    ),
    Refusal(
        "order of the file and a column of times",
        table(*FINE),
        ("--order=file reads no times, and --timestamp_c",),
        ("--order=file", "--timestamp_column=timestamp"),
    ),
    Refusal(
        "global split without times",
        table(*FINE),
        ("--split=global needs real times", "--split=per_user"),
        ("--split=global", "--order=file"),
    ),
    Refusal(
        "random split of times",
        table(*FINE),
        ("--split=random trains on the future", "Use --split=per_user"),
        ("--split=random",),
    ),
    Refusal(
        "predefined split of one file",
        table(*FINE),
        ("--split=predefined needs --test_interactions=FILE",),
        ("--split=predefined",),
    ),
    Refusal(
        "describe and summary",
        table(*FINE),
        ("--describe compares nothing, so --summary has nothing to hold.",),
        ("--describe", "--summary=result.json"),
    ),
    Refusal(
        "columns of no file",
        None,
        ("--user_column describes a log of your own: name it with --interactions=F",),
        ("--user_column=u",),
    ),
]

PLACES = [
    Refusal(
        "no such file",
        None,
        ("--interactions={folder}/lgo.csv does not exist (did you mean log.csv?). Give a csv",),
        ("--interactions={folder}/lgo.csv",),
    ),
    Refusal(
        "folder for a file",
        None,
        ("--interactions={folder} is a folder, not a file. Give a csv, tsv or parquet",),
        ("--interactions={folder}",),
    ),
    Refusal(
        "device for a file",
        None,
        ("--interactions=/dev/null is a pipe or a device, not a file.",),
        ("--interactions=/dev/null",),
    ),
    Refusal(
        "name too long",
        None,
        ("cannot be opened (File name too long). Give a file that you may read.",),
        ("--interactions=" + "a" * 5_000,),
    ),
    Refusal(
        "no such folder of data",
        None,
        ("--data_dir={folder}/no does not exist. Unzip ml-100k.zip and give",),
        ("--dataset=ml-100k", "--data_dir={folder}/no"),
    ),
    Refusal(
        "file for a folder of data",
        None,
        ("--data_dir={folder}/log.csv is a file, not a folder. Unzip ml-100k.zip",),
        ("--dataset=ml-100k", "--data_dir={folder}/log.csv"),
    ),
    Refusal(
        "folder of other data",
        None,
        ("--data_dir={folder} holds neither u.data nor ml-100k/u.data: unzip",),
        ("--dataset=ml-100k", "--data_dir={folder}"),
    ),
    Refusal(
        "folder for the summary",
        None,
        ("--summary={folder} is a folder. Give a file",),
        ("--summary={folder}",),
    ),
    Refusal(
        "file for the results",
        None,
        ("--results_dir={folder}/log.csv is a file. Choose another",),
        ("--results_dir={folder}/log.csv",),
    ),
    Refusal(
        "titles without titles",
        None,
        ("--items={folder}/log.csv has neither a title nor a genres column.",),
        ("--interactions={folder}/log.csv", "--items={folder}/log.csv"),
    ),
]
