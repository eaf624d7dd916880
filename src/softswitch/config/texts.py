"""What the switch says by itself, in the languages it ships with. Variables: {agent} {minutes} {time} {position}.

Names stand in their plain form everywhere (no case endings). `{key}` is the phone key of a choice and is filled
in when the configuration is read; all other variables are filled in when the text is spoken.
"""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "et", "zh", "it", "cs")

LINE_TEXTS: Mapping[str, Mapping[str, str]] = {
    "wrong_key": {
        "en": "Sorry, I did not understand.",
        "et": "Vabandust, ma ei saanud aru.",
        "zh": "对不起，我没有听懂。",
        "it": "Mi scusi, non ho capito.",
        "cs": "Promiňte, nerozuměl jsem.",
    },
    "no_input": {
        "en": "I heard no key.",
        "et": "Te ei vajutanud klahvi.",
        "zh": "没有收到按键。",
        "it": "Non ho sentito nessun tasto.",
        "cs": "Neslyšel jsem žádnou klávesu.",
    },
    "logged_in": {
        "en": "You are logged in.",
        "et": "Olete sisse logitud.",
        "zh": "您已登录。",
        "it": "Accesso eseguito.",
        "cs": "Jste přihlášeni.",
    },
    "logged_out": {
        "en": "You are logged out.",
        "et": "Olete välja logitud.",
        "zh": "您已退出。",
        "it": "Uscita eseguita.",
        "cs": "Jste odhlášeni.",
    },
    "now_ready": {
        "en": "You are ready.",
        "et": "Olete valmis.",
        "zh": "您已就绪。",
        "it": "Ora è disponibile.",
        "cs": "Jste připraveni.",
    },
    "on_break": {
        "en": "You are on a break.",
        "et": "Olete pausil.",
        "zh": "您正在休息。",
        "it": "Ora è in pausa.",
        "cs": "Máte přestávku.",
    },
    "call_back_intro": {
        "en": "Call-back. I dial the customer.",
        "et": "Tagasihelistamine. Valin kliendi numbri.",
        "zh": "回电。正在拨打客户电话。",
        "it": "Richiamata. Chiamo il cliente.",
        "cs": "Zpětné volání. Volám zákazníkovi.",
    },
    "call_back_here": {
        "en": "Call-back. The customer is on the line.",
        "et": "Tagasihelistamine. Klient on liinil.",
        "zh": "回电。客户已在线。",
        "it": "Richiamata. Il cliente è in linea.",
        "cs": "Zpětné volání. Zákazník je na lince.",
    },
    "passed_on": {
        "en": "The caller is passed on.",
        "et": "Helistaja on edasi suunatud.",
        "zh": "来电已转出。",
        "it": "La chiamata è stata passata.",
        "cs": "Volající je předán.",
    },
    "passed_and_back": {
        "en": "The caller is passed on and comes back to you.",
        "et": "Helistaja on edasi suunatud ja tuleb teie juurde tagasi.",
        "zh": "来电已转出，之后会回到您这里。",
        "it": "La chiamata è stata passata e tornerà a lei.",
        "cs": "Volající je předán a vrátí se k vám.",
    },
    "now_outbound": {
        "en": "You make calls of your own now.",
        "et": "Nüüd helistate ise.",
        "zh": "您现在处于外呼状态。",
        "it": "Ora è lei a chiamare.",
        "cs": "Teď voláte sami.",
    },
    "more_time": {
        "en": "You have more time.",
        "et": "Teil on rohkem aega.",
        "zh": "已为您延长时间。",
        "it": "Ha più tempo.",
        "cs": "Máte více času.",
    },
    "not_possible": {
        "en": "That is not possible now.",
        "et": "See pole praegu võimalik.",
        "zh": "现在无法执行。",
        "it": "Ora non è possibile.",
        "cs": "To teď není možné.",
    },
    "overloaded": {
        "en": "Very many people are calling us just now.",
        "et": "Meile helistab praegu väga palju inimesi.",
        "zh": "目前来电非常多。",
        "it": "In questo momento riceviamo moltissime chiamate.",
        "cs": "Právě teď nám volá velmi mnoho lidí.",
    },
    "call_again": {
        "en": "Please call again in a few minutes. Goodbye.",
        "et": "Palun helistage mõne minuti pärast uuesti. Head aega.",
        "zh": "请过几分钟再来电。再见。",
        "it": "Richiami fra qualche minuto. Arrivederci.",
        "cs": "Zavolejte prosím za několik minut znovu. Na shledanou.",
    },
    "goodbye": {
        "en": "Goodbye.",
        "et": "Head aega.",
        "zh": "再见。",
        "it": "Arrivederci.",
        "cs": "Na shledanou.",
    },
}

QUEUE_TEXTS: Mapping[str, Mapping[str, str]] = {
    "please_wait": {
        "en": "Everybody is talking. Please hold the line.",
        "et": "Kõik teenindajad räägivad. Palun oodake.",
        "zh": "客服都在通话中，请稍候。",
        "it": "Tutti gli operatori sono occupati. Resti in linea.",
        "cs": "Všichni operátoři hovoří. Prosím, vyčkejte.",
    },
    "position": {
        "en": "You are number {position} in the line.",
        "et": "Olete järjekorras number {position}.",
        "zh": "您排在第{position}位。",
        "it": "Lei è il numero {position} in attesa.",
        "cs": "Jste v pořadí číslo {position}.",
    },
    "wait_between": {
        "en": "You wait between {least} and {most}.",
        "et": "Ooteaeg: {least} kuni {most}.",
        "zh": "大约需要等候{least}到{most}。",
        "it": "L'attesa è da {least} a {most}.",
        "cs": "Čekání potrvá {least} až {most}.",
    },
    "wait_about": {
        "en": "You wait about {minutes}.",
        "et": "Ooteaeg on umbes {minutes}.",
        "zh": "大约需要等候{minutes}。",
        "it": "L'attesa è di circa {minutes}.",
        "cs": "Čekání potrvá asi {minutes}.",
    },
    "wait_for_agent": {
        "en": "I keep your place with {agent}.",
        "et": "Hoian teie kohta. Teile vastab {agent}.",
        "zh": "为您保留位置，请等候{agent}。",
        "it": "Le tengo il posto. Risponderà {agent}.",
        "cs": "Držím vám místo. Ozve se vám {agent}.",
    },
    "call_back_confirmed": {
        "en": "{agent} calls you back by {time}. Goodbye.",
        "et": "{agent} helistab teile hiljemalt kell {time}. Head aega.",
        "zh": "{agent}会在{time}之前给您回电。再见。",
        "it": "{agent} la richiamerà entro le {time}. Arrivederci.",
        "cs": "{agent} vám zavolá do {time}. Na shledanou.",
    },
    "connecting": {
        "en": "I connect you with {agent}.",
        "et": "Ühendan. Teile vastab {agent}.",
        "zh": "正在为您接通{agent}。",
        "it": "La metto in contatto con {agent}.",
        "cs": "Spojuji vás. Mluvit s vámi bude {agent}.",
    },
    "nobody_there": {
        "en": "Nobody can take your call now.",
        "et": "Praegu ei saa keegi teie kõnele vastata.",
        "zh": "现在没有人能接听您的电话。",
        "it": "Al momento nessuno può rispondere.",
        "cs": "Teď vám nemůže nikdo odpovědět.",
    },
    "away": {
        "en": "{absent} is away.",
        "et": "{absent} on ära.",
        "zh": "{absent}现在不在。",
        "it": "{absent} è assente.",
        "cs": "{absent} tu teď není.",
    },
    "sorry_gone": {
        "en": "{agent} is still busy. I connect you with a colleague.",
        "et": "{agent} räägib veel. Ühendan teid kolleegiga.",
        "zh": "{agent}还在通话，为您转接其他同事。",
        "it": "{agent} è ancora al telefono. Le passo un collega.",
        "cs": "{agent} stále telefonuje. Spojím vás s kolegou.",
    },
}

# The sticky choice is put together from the parts that the queue offers.
CHOICE_TEXTS: Mapping[str, Mapping[str, str]] = {
    "intro": {
        "en": "{agent} is on the phone.",
        "et": "{agent} räägib praegu.",
        "zh": "{agent}正在通话。",
        "it": "{agent} è al telefono.",
        "cs": "{agent} právě telefonuje.",
    },
    "wait": {
        "en": "To wait about {minutes}, press {key}.",
        "et": "Et oodata umbes {minutes}, vajutage {key}.",
        "zh": "等待大约{minutes}，请按{key}。",
        "it": "Per attendere circa {minutes}, prema {key}.",
        "cs": "Chcete-li počkat asi {minutes}, stiskněte {key}.",
    },
    "colleague": {
        "en": "For a colleague now, press {key}.",
        "et": "Kui sobib kolleeg, vajutage {key}.",
        "zh": "由其他同事接听，请按{key}。",
        "it": "Per un collega, prema {key}.",
        "cs": "Pro spojení s kolegou stiskněte {key}.",
    },
    "call_back": {
        "en": "For a call back by {time}, press {key}.",
        "et": "Et teile helistataks hiljemalt kell {time}, vajutage {key}.",
        "zh": "在{time}之前给您回电，请按{key}。",
        "it": "Per essere richiamato entro le {time}, prema {key}.",
        "cs": "Chcete-li, abychom zavolali do {time}, stiskněte {key}.",
    },
}

# Call-backs that a queue promises. {key} is filled in when the configuration is read.
CALL_BACK_TEXTS: Mapping[str, Mapping[str, str]] = {
    "offer_call_back": {
        "en": "To be called back and keep your place in the line, press {key}.",
        "et": "Et teile tagasi helistataks ja teie koht järjekorras jääks alles, vajutage {key}.",
        "zh": "如需保留排队位置并由我们回电，请按{key}。",
        "it": "Per essere richiamato senza perdere il posto, prema {key}.",
        "cs": "Chcete-li, abychom vám zavolali zpět a nechali vám místo v pořadí, stiskněte {key}.",
    },
    "closed": {
        "en": "We are closed now.",
        "et": "Praegu oleme suletud.",
        "zh": "现在是非营业时间。",
        "it": "In questo momento siamo chiusi.",
        "cs": "Teď máme zavřeno.",
    },
    "full": {
        "en": "Very many people are waiting just now.",
        "et": "Praegu ootab väga palju inimesi.",
        "zh": "现在等候的人很多。",
        "it": "In questo momento ci sono moltissime persone in attesa.",
        "cs": "Teď čeká velmi mnoho lidí.",
    },
    "call_back_offer": {
        "en": "To be called back, press 1.",
        "et": "Et teile tagasi helistataks, vajutage 1.",
        "zh": "如需我们回电，请按1。",
        "it": "Per essere richiamato, prema 1.",
        "cs": "Chcete-li, abychom vám zavolali zpět, stiskněte 1.",
    },
    "number_right": {
        "en": "Your number is {caller}. If that is right, press 1. For another number, press 2.",
        "et": "Teie number on {caller}. Kui see on õige, vajutage 1. Teise numbri jaoks vajutage 2.",
        "zh": "您的号码是{caller}。如果正确，请按1。使用其他号码，请按2。",
        "it": "Il suo numero è {caller}. Se è giusto, prema 1. Per un altro numero, prema 2.",
        "cs": "Vaše číslo je {caller}. Pokud je správné, stiskněte 1. Pro jiné číslo stiskněte 2.",
    },
    "number_other": {
        "en": "Please enter your number, and then the hash key.",
        "et": "Palun sisestage oma number ja seejärel trellid.",
        "zh": "请输入您的号码，按井号键结束。",
        "it": "Digiti il suo numero e poi il tasto cancelletto.",
        "cs": "Zadejte prosím své číslo a pak křížek.",
    },
    "ask_customer": {
        "en": "You asked us to call you back. To talk to us now, press 1.",
        "et": "Palusite meil tagasi helistada. Kui saate nüüd rääkida, vajutage 1.",
        "zh": "您好，这是您要求的回电。如需现在通话，请按1。",
        "it": "Ci ha chiesto di richiamarla. Per parlare con noi adesso, prema 1.",
        "cs": "Požádali jste nás o zavolání. Chcete-li teď mluvit, stiskněte 1.",
    },
    "customer_hold": {
        "en": "Thank you for waiting. I connect you.",
        "et": "Aitäh ootamast. Ühendan.",
        "zh": "感谢您的等候，正在为您接通。",
        "it": "Grazie per l'attesa. La metto in contatto.",
        "cs": "Děkujeme, že jste počkali. Spojuji vás.",
    },
    "nobody_after_all": {
        "en": "I am sorry, nobody is free after all. We call you again. Goodbye.",
        "et": "Vabandust, keegi ei ole siiski vaba. Helistame teile uuesti. Head aega.",
        "zh": "对不起，现在没有空闲的客服。我们会再次给您回电。再见。",
        "it": "Mi dispiace, nessuno è libero. La richiameremo. Arrivederci.",
        "cs": "Omlouvám se, nikdo teď není volný. Zavoláme vám znovu. Na shledanou.",
    },
    "promised": {
        "en": "We call you back by {time}. Goodbye.",
        "et": "Helistame teile hiljemalt kell {time}. Head aega.",
        "zh": "我们会在{time}之前给您回电。再见。",
        "it": "La richiameremo entro le {time}. Arrivederci.",
        "cs": "Zavoláme vám do {time}. Na shledanou.",
    },
    "promised_today": {
        "en": "We call you back today, from {time}. Goodbye.",
        "et": "Helistame teile täna mitte varem kui kell {time}. Head aega.",
        "zh": "我们今天{time}起给您回电。再见。",
        "it": "La richiameremo oggi, dalle {time}. Arrivederci.",
        "cs": "Zavoláme vám dnes, od {time}. Na shledanou.",
    },
    "promised_tomorrow": {
        "en": "We call you back tomorrow, from {time}. Goodbye.",
        "et": "Helistame teile homme mitte varem kui kell {time}. Head aega.",
        "zh": "我们明天{time}起给您回电。再见。",
        "it": "La richiameremo domani, dalle {time}. Arrivederci.",
        "cs": "Zavoláme vám zítra, od {time}. Na shledanou.",
    },
    "promised_next_day": {
        "en": "We call you back on our next working day, from {time}. Goodbye.",
        "et": "Helistame teile järgmisel tööpäeval mitte varem kui kell {time}. Head aega.",
        "zh": "我们会在下一个工作日{time}起给您回电。再见。",
        "it": "La richiameremo il prossimo giorno lavorativo, dalle {time}. Arrivederci.",
        "cs": "Zavoláme vám příští pracovní den, od {time}. Na shledanou.",
    },
}

# Others go first. {key} and {again} are filled in when the configuration is read.
LET_FIRST_TEXTS: Mapping[str, Mapping[str, str]] = {
    "let_first_offer": {
        "en": "If you have time, others can go first: press {key}. You are next after {minutes}.",
        "et": "Kui teil on aega, laske teised ette: vajutage {key}. Teie kord on hiljemalt {minutes} pärast.",
        "zh": "如果您有时间，可以让其他人先接听，请按{key}。最多{minutes}之后就轮到您。",
        "it": "Se ha tempo, può lasciar passare altri: prema {key}. Sarà il prossimo dopo {minutes}.",
        "cs": "Máte-li čas, můžete pustit jiné před sebe: stiskněte {key}. Na řadě budete za {minutes}.",
    },
    "let_first_given": {
        "en": "Thank you. You are next after {minutes}. To take your place back, press {key}.",
        "et": "Aitäh. Teie kord on hiljemalt {minutes} pärast. Oma koha tagasi saamiseks vajutage {key}.",
        "zh": "谢谢。最多{minutes}之后就轮到您。如需恢复原来的位置，请按{key}。",
        "it": "Grazie. Sarà il prossimo dopo {minutes}. Per riavere il suo posto, prema {key}.",
        "cs": "Děkujeme. Na řadě budete za {minutes}. Chcete-li své místo zpět, stiskněte {key}.",
    },
    "let_first_taken_back": {
        "en": "You have your place back.",
        "et": "Teie koht on jälle teie.",
        "zh": "您已恢复原来的位置。",
        "it": "Ha di nuovo il suo posto.",
        "cs": "Máte své místo zpět.",
    },
    "let_first_call_back": {
        "en": "If you have time, others can go first and we call you back: press {key}.",
        "et": "Kui teil on aega, laske teised ette ja me helistame teile tagasi: vajutage {key}.",
        "zh": "如果您有时间，可以让其他人先接听，由我们给您回电，请按{key}。",
        "it": "Se ha tempo, può lasciar passare altri e la richiamiamo: prema {key}.",
        "cs": "Máte-li čas, můžete pustit jiné před sebe a my vám zavoláme: stiskněte {key}.",
    },
}

# Variables that each text of a queue can name.
QUEUE_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "please_wait": ("position", "waiting"),
    "position": ("position", "minutes", "waiting"),
    "choice": ("agent", "minutes", "time"),
    "wait_for_agent": ("agent", "minutes"),
    "call_back_confirmed": ("agent", "time"),
    "connecting": ("agent",),
    "nobody_there": (),
    "sorry_gone": ("agent",),
    "away": ("absent",),
    "wait_between": ("least", "most", "waiting"),
    "wait_about": ("minutes", "waiting"),
    "let_first_offer": ("minutes",),
    "let_first_given": ("minutes",),
    "let_first_taken_back": (),
    "ask_customer": (),
    "customer_hold": (),
    "nobody_after_all": (),
    "offer_call_back": (),
    "closed": (),
    "full": (),
    "call_back_offer": (),
    "number_right": ("caller",),
    "number_other": (),
    "promised": ("time",),
    "promised_today": ("time",),
    "promised_tomorrow": ("time",),
    "promised_next_day": ("time",),
}
