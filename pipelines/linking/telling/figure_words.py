"""The words for figures of linking, in a report and on a terminal: `words` puts them together with the others."""

from pipelines.report.words import Words

ENGLISH: Words = {
    "links": "Links: {column}",
    "links_own": "{rows} got the number of a cluster.",
    "links_to": "{rows} got the key of the row of {other} that they are linked to.",
    "links_clusters": "{records} records are in {clusters} clusters. {several} clusters have several records, the largest"
    " {largest}.",
    "links_heads": "Pairs of records|Pairs|Share",
    "band_linked": "Linked",
    "band_identifier": "of them by an identifier",
    "band_doubtful": "Doubtful: a person is asked",
    "band_apart": "Apart",
    "band_all": "Compared in all",
    "band_unseen": "Never compared",
    "some_links": "{count} link|{count} links",
    "some_pairs": "{count} pair|{count} pairs",
    "some_records": "{count} record|{count} records",
    "est_precision": "Expected to be false: {false} of {links}.",
    "est_recall": "Linked are an estimated {recall} of all true pairs. About {missed} are missed: {missed_by_threshold}"
    " compared and not linked, {missed_by_blocking} never compared, roughly.",
    "est_recall_compared": "Linked are an estimated {recall} of the true pairs among those compared. About {missed} of"
    " them are missed. How many true pairs were never compared cannot be told.",
    "est_rests": "That rests on the model's own probabilities. Of twins, or of an error that stands in both records, it"
    " knows nothing.",
    "left_out": "{count} value is one that too many records have to compare them by it: those that have nothing rarer in"
    " common were not compared.|{count} values are ones that too many records have to compare them by these: those that have"
    " nothing rarer in common were not compared.",
    "link_events": "What became of the clusters: {column}",
    "link_events_heads": "What|Why",
    "event_new": "{count} cluster new|{count} clusters new",
    "event_grown": "{count} grown|{count} grown",
    "event_merged": "{count} merged into another|{count} merged into another",
    "event_split": "{count} split off|{count} split off",
    "event_moved": "{count} gave records to another|{count} gave records to others",
    "event_shrunk": "{count} shrunk|{count} shrunk",
    "event_gone": "{count} gone|{count} gone",
    "event_linked": "{count} record linked|{count} records linked",
    "event_relinked": "{count} linked to another|{count} linked to others",
    "event_unlinked": "{count} no longer linked|{count} no longer linked",
    "reason_decision": "a person decided so",
    "reason_identifier": "the same identifier",
    "reason_link": "a link that is sure enough",
    "reason_together": "other links that lead there",
    "reason_cut-decision": "a link cut, since a person decided two of the records to be different",
    "reason_cut-identifiers": "a link cut, since two identifiers were different",
    "reason_cut-sources": "a link cut, since two records were of one source",
    "reason_cut-size": "a link cut, since the cluster was too large to be believed",
    "reason_left": "a record left its source",
    "reason_changed": "a record changed",
    "reason_weight": "a link is not sure enough by itself",
    "reason_unlinked": "a link is no longer there",
    "reason_other": "another fits better",
    "reason_tie": "another may be right",
    "reason_differ": "identifiers of one kind differ",
    "reason_lent": "one may have given the number of the other",
    "reason_forms": "two forms of a name stand in several records each",
    "queue_title": "What waits for a person: {column}",
    "queue": "{pairs} wait for a person, with {rows} in them, {share} of all.",
    "queue_none": "No pair waits for a person.",
    "queue_next": "`beffroi decide {dataset} --column {column}` asks about them, the most useful first; `beffroi link {dataset} --column {column} --doubtful`"
    " lists them with their reasons.",
    "deciding": "{count} decision contradicts others, and was set aside: `beffroi decide` asks about it first.|{count}"
    " decisions contradict others, and were set aside: `beffroi decide` asks about them first.",
    "contradicting": "{count} link contradicts what a person decided, and was set aside.|{count} links contradict what"
    " people decided, and were set aside.",
    "decisions_gone": "{count} decision is on a record that is not there: it holds again once the record is back under its"
    " source's name.|{count} decisions are on records that are not there: they hold again once the records are back under"
    " their sources' names.",
    "queue_sample": "To know how good the links are, judge a sample: `beffroi link {dataset} --column {column} --sample 200 --into FILE`.",
    "thresholds_title": "What another threshold would do: {column}",
    "thresholds_line": "Pairs are counted by what people decided or else their probability, before what other"
    " links answer: so there are more or fewer than above. Those that their probability would link now, but that wait for a person, are above no threshold. What is false and missed is expected, by the model's own probabilities.",
    "thresholds_heads": "Linked from|Above it|Between it and review|False|Missed|Right of the links|Found of the true pairs",
    "threshold_here": " (now)",
    "histogram_title": "Pairs by weight: {column}",
    "histogram_line": "A weight of 0 is as likely as not; each 1 more doubles the odds. The band is that of the weight alone,"
    " whatever people or other links say of a pair. Pairs of an identifier are not among them.",
    "weighs_linked": "Enough to be linked",
    "weighs_doubtful": "Enough to be doubtful",
    "weighs_apart": "Apart",
    "histogram_heads": "Weight|Band|Pairs",
    "weight_under": "under {weight}",
    "weight_over": "{weight} and more",
    "decided_title": "What people decided, and what the model thought: {column}",
    "decided_line": "Where more are different among the linked, or the same among those apart, than the model expects, it"
    " is too sure of itself.",
    "decided_heads": "Where the model has them|Same|Different|Unsure|Expected to be the same",
    "some_verdicts": "{count} verdict|{count} verdicts",
    "checked_on": "This rests on {judged} ({unsure} unsure and {empty} empty ones are left out).",
    "checked_precision": "Precision: of the links, {estimate} are right; with 95 % certainty between {least} and {most}.",
    "checked_recall": "Recall: of the true pairs among those kept, {estimate} are linked; with 95 % certainty between"
    " {least} and {most}.",
    "checked_rests": "This is of the links as the model makes them, before what people decide and what that cuts: the version has"
    " those too. True pairs that were never compared, or scored too low to be kept, are in no sample.",
    "checked_heads": "Stratum|Pairs|Judged|Same|Different|The model expected the same",
    "stratum_identifier": "Linked by an identifier",
    "stratum_linked-surely": "Linked, surely",
    "stratum_linked": "Linked",
    "stratum_doubtful": "Doubtful",
    "stratum_apart": "Apart",
    "stratum_apart-surely": "Apart, surely",
}

FRENCH: Words = {
    "links": "Liens : {column}",
    "links_own": "{rows} : le numéro d'un groupe y est mis.",
    "links_to": "{rows} : la clé de la ligne de {other} à laquelle elles sont liées y est mise.",
    "links_clusters": "{records} enregistrements forment {clusters} groupes. {several} groupes en ont plusieurs, le plus"
    " grand {largest}.",
    "links_heads": "Paires d'enregistrements|Paires|Part",
    "band_linked": "Liées",
    "band_identifier": "dont par un identifiant",
    "band_doubtful": "Douteuses : une personne est consultée",
    "band_apart": "Distinctes",
    "band_all": "Comparées en tout",
    "band_unseen": "Jamais comparées",
    "some_links": "{count} lien|{count} liens",
    "some_pairs": "{count} paire|{count} paires",
    "some_records": "{count} enregistrement|{count} enregistrements",
    "est_precision": "Liens faux attendus : {false} sur {links}.",
    "est_recall": "On estime que {recall} des vraies paires sont liées. Il en manque environ {missed} :"
    " {missed_by_threshold} comparées et non liées, {missed_by_blocking} jamais comparées, à peu près.",
    "est_recall_compared": "On estime que {recall} des vraies paires parmi celles comparées sont liées. Il en manque"
    " environ {missed}. Combien de vraies paires n'ont jamais été comparées ne peut se dire.",
    "est_rests": "Cela repose sur les probabilités du modèle même. Des jumeaux, ou d'une erreur qui est dans les deux"
    " enregistrements, il ne sait rien.",
    "left_out": "{count} valeur est commune à trop d'enregistrements pour les comparer à cause d'elle : ceux qui n'ont rien"
    " de plus rare en commun n'ont pas été comparés.|{count} valeurs sont communes à trop d'enregistrements pour les"
    " comparer à cause d'elles : ceux qui n'ont rien de plus rare en commun n'ont pas été comparés.",
    "link_events": "Ce que sont devenus les groupes : {column}",
    "link_events_heads": "Quoi|Pourquoi",
    "event_new": "{count} groupe nouveau|{count} groupes nouveaux",
    "event_grown": "{count} agrandi|{count} agrandis",
    "event_merged": "{count} réuni à un autre|{count} réunis à un autre",
    "event_split": "{count} séparé|{count} séparés",
    "event_moved": "{count} groupe dont des enregistrements sont passés à un autre|{count} groupes dont des enregistrements sont passés à d'autres",
    "event_shrunk": "{count} rétréci|{count} rétrécis",
    "event_gone": "{count} disparu|{count} disparus",
    "event_linked": "{count} enregistrement lié|{count} enregistrements liés",
    "event_relinked": "{count} lié à un autre|{count} liés à d'autres",
    "event_unlinked": "{count} délié|{count} déliés",
    "reason_decision": "une personne l'a décidé",
    "reason_identifier": "le même identifiant",
    "reason_link": "un lien assez sûr",
    "reason_together": "d'autres liens qui y mènent",
    "reason_cut-decision": "un lien coupé, une personne ayant décidé que deux des enregistrements sont différents",
    "reason_cut-identifiers": "un lien coupé, deux identifiants étant différents",
    "reason_cut-sources": "un lien coupé, deux enregistrements étant d'une même source",
    "reason_cut-size": "un lien coupé, le groupe étant trop grand pour être cru",
    "reason_left": "un enregistrement a quitté sa source",
    "reason_changed": "un enregistrement a changé",
    "reason_weight": "un lien n'est pas, ou plus, assez sûr de lui-même",
    "reason_unlinked": "un lien n'est plus là",
    "reason_other": "un autre convient mieux",
    "reason_tie": "un autre peut être le bon",
    "reason_differ": "des identifiants d'une même sorte diffèrent",
    "reason_lent": "l'un a pu donner le numéro de l'autre",
    "reason_forms": "deux formes d'un nom figurent chacune dans plusieurs enregistrements",
    "queue_title": "Ce qui attend une personne : {column}",
    "queue": "{pairs} : une personne doit décider. Cela concerne {rows}, {share} de tous.",
    "queue_none": "Aucune paire n'attend une personne.",
    "queue_next": "`beffroi decide {dataset} --column {column}` les soumet, les plus utiles d'abord ;"
    " `beffroi link {dataset} --column {column} --doubtful` les énumère avec leurs raisons.",
    "deciding": "{count} décision en contredit d'autres : elle a été écartée, et `beffroi decide` la soumet en premier.|"
    "{count} décisions en contredisent d'autres : elles ont été écartées, et `beffroi decide` les soumet en premier.",
    "contradicting": "{count} lien contredit ce qu'une personne a décidé : il a été écarté.|{count} liens contredisent ce"
    " que des personnes ont décidé : ils ont été écartés.",
    "decisions_gone": "{count} décision porte sur un enregistrement absent : elle vaudra de nouveau s'il revient sous le nom"
    " de sa source.|{count} décisions portent sur des enregistrements absents : elles vaudront de nouveau s'ils reviennent"
    " sous les noms de leurs sources.",
    "queue_sample": "Pour savoir ce que valent les liens, jugez un échantillon : `beffroi link {dataset} --column {column} --sample 200 --into FICHIER`.",
    "thresholds_title": "Ce que ferait un autre seuil : {column}",
    "thresholds_line": "Les paires sont comptées d'après ce que des personnes ont décidé, sinon d'après leur probabilité, avant ce que"
    " répondent d'autres liens : d'où plus ou moins de paires que plus haut. Celles que leur probabilité lierait maintenant,"
    " mais qui attendent une personne, ne sont au-dessus d'aucun seuil. Ce qui serait faux ou manqué est attendu, d'après les"
    " probabilités du modèle même.",
    "thresholds_heads": "Lié à partir de|Au-dessus|Entre ce seuil et l'examen|Faux|Manquées|Justes parmi les liens|Trouvées parmi les vraies",
    "threshold_here": " (actuel)",
    "histogram_title": "Paires par poids : {column}",
    "histogram_line": "Un poids de 0 : une chance sur deux ; chaque 1 de plus double la cote. La bande est celle du seul"
    " poids, quoi que disent d'une paire des personnes ou d'autres liens. Les paires d'un identifiant n'y sont pas.",
    "weighs_linked": "Assez pour être liée",
    "weighs_doubtful": "Assez pour être douteuse",
    "weighs_apart": "Distincte",
    "histogram_heads": "Poids|Bande|Paires",
    "weight_under": "moins de {weight}",
    "weight_over": "{weight} et plus",
    "decided_title": "Ce que des personnes ont décidé, et ce qu'en pensait le modèle : {column}",
    "decided_line": "Si, parmi les liées, il y en a plus de différentes que le modèle n'en attend, ou plus de mêmes parmi"
    " les distinctes, il est trop sûr de lui.",
    "decided_heads": "Où le modèle les met|La même|Différentes|Incertaines|Attendues comme la même",
    "some_verdicts": "{count} verdict|{count} verdicts",
    "checked_on": "Cela repose sur {judged} (laissés de côté : incertains {unsure}, vides {empty}).",
    "checked_precision": "Précision : {estimate} des liens sont justes ; entre {least} et {most} avec une certitude de"
    " 95 %.",
    "checked_recall": "Rappel : des vraies paires parmi celles conservées, {estimate} sont liées ; entre {least} et {most}"
    " avec une certitude de 95 %.",
    "checked_rests": "C'est ce que valent les liens du modèle, avant ce que des personnes décident et ce qui en est coupé : la"
    " version en tient compte aussi. Les vraies paires jamais comparées, ou notées trop bas pour être conservées, ne sont dans aucun"
    " échantillon.",
    "checked_heads": "Strate|Paires|Jugées|La même|Différentes|Le modèle attendait la même",
    "stratum_identifier": "Liées par un identifiant",
    "stratum_linked-surely": "Liées, sûrement",
    "stratum_linked": "Liées",
    "stratum_doubtful": "Douteuses",
    "stratum_apart": "Distinctes",
    "stratum_apart-surely": "Distinctes, sûrement",
}
